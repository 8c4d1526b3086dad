"""The studio: a web page on this machine to hear, shape, mix and map sounds."""
