"""Broadcast-WAV files: samples, metadata, loudness."""
