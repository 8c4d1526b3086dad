"""The project file and its rules: timecode, channel layouts, names and effects."""
