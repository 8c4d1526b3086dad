"""Move a sound towards a preset while it plays. One streaming node serves files, live playing and plug-ins."""
