"""How good a codec is: metrics, dense clips, anchors, and the model card written from one run.

ViSQOL forgives nearly everything on single footsteps between long silences (a 3.5 kHz low-pass
scores 4.3 of 5 there), so every judgement here is made on :mod:`~plugin_backend.evaluation.data.dense_clips`,
beside :mod:`~plugin_backend.evaluation.metrics.anchors`, and by several metrics at once.
"""
