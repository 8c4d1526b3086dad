"""Spaces in which pictures, sounds and texts can be compared."""
