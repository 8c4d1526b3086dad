"""A sound moved towards a preset while it plays: one streaming node for files, live playing and plug-ins."""
