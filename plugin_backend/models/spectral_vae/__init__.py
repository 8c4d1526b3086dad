"""Log-spectrogram VAEs: a sound of fixed length becomes one vector. Family name: ``spectral-vae``."""
