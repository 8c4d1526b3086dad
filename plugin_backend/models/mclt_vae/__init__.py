"""Phase-aware models: variational autoencoders of complex spectra, in four kinds."""
