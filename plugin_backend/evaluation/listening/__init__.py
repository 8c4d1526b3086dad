"""Listening tests: people rate sounds, each answer is on disk at once, and the results have intervals."""
