"""Sizes of the split into three bands; see :mod:`plugin_backend.models.band_split`."""

BANDS = 3
"""Below 700 Hz, above 2.7 kHz, and between (at 48 kHz): there two filters pass half the amplitude."""

SEGMENT = 32
"""Samples at each end of a sound that the filters need and that are not returned."""

LONGER, SHORTER = 32, 8
"""Each filter is a mean over this many samples, applied twice. A band is what lies between two filters."""
