"""Signal processing that all other packages share: resampling, fades, delays, spectra, onsets."""
