"""Record what is played live, and render it again."""
