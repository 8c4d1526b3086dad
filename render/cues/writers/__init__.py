"""One writer for each cue sheet format."""
