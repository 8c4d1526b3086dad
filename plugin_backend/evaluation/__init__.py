"""Measure how good a codec is: metrics, dense clips, anchors, and the model card written from one run.

ViSQOL gives high scores to nearly everything on single footsteps between long silences (a 3.5 kHz low-pass scores 4.3
of 5 there). So every score here is taken on :mod:`~plugin_backend.evaluation.data.dense_clips`, beside
:mod:`~plugin_backend.evaluation.metrics.anchors`, and with several metrics at once.
"""
