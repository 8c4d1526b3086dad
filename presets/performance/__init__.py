"""Perform a preset: draw new takes from the takes it holds."""
