"""A preset applied to recordings: file in, file out, aligned to the sample."""
