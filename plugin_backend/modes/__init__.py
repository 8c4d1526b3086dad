"""Modes of sounds that ring: fit them to recordings, play them, interpolate them."""
