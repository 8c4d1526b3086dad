"""Tests that take too long for every run: `make soak`."""
