"""The codec contract, a codec for blocks of any size, and the mixing of latents."""
