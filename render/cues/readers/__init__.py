"""One reader for each cue format."""
