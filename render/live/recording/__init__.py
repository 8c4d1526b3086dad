"""Record live playing, and render a recording again."""
