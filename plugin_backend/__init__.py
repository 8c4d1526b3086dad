"""The ground floor of Pisada: codecs, models, signal processing, training data, training, evaluation and export.

The DAW plug-in is built from this package. The other packages stand on it: ``presets``, ``render`` and ``studio``
import from here, and nothing here imports from them.
"""
