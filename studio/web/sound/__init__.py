"""What the studio plays: an engine for each session, and its stream to the browser."""
