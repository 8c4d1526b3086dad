"""Rows of a sheet that become many cues: walks, and sounds that follow steps."""
