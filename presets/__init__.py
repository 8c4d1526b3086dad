"""What a sound is: latent presets, the banks that hold them, and how one is performed."""
