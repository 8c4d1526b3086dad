"""Latent presets, the banks that hold them, and how a preset is performed."""
