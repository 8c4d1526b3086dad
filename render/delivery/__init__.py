"""Deliver stems to disk: files, names, loudness checks and report. A version is complete or does not exist."""
