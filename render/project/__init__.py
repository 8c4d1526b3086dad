"""The project file and the rules it sets: timecode, channel layouts, names, effects."""
