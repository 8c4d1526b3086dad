"""Audio devices: open them, run them, and open lost devices again."""
