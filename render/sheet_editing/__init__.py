"""A cue sheet that is edited: every change is on disk before it is acknowledged, and can be undone."""
