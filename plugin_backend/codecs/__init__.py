"""The codec contract, what adapts it to blocks of any size, and arithmetic on latents."""
