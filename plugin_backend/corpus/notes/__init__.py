"""Single notes with pitch, velocity and family, in the layout of NSynth: read, and made from soundfonts and voices."""
