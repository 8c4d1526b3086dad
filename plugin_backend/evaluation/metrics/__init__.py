"""Each measure of how near a decoded sound is to its original."""
