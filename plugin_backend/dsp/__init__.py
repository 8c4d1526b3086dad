"""Signal processing that everything above shares: resampling, fades, delays, spectra, onsets."""
