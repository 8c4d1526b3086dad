"""Studies of a model: its latent space, surface materials, linear probes."""
