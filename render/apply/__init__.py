"""Apply a preset to recordings: file in, file out, aligned to the sample."""
