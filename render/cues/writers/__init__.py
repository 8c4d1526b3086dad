"""One writer for each cue format."""
