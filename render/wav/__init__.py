"""Broadcast-WAV files: samples, metadata and loudness."""
