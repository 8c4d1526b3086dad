"""The waveform family: a causal ConvNeXt encoder and an inverse-STFT decoder."""
