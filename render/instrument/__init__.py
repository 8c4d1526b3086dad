"""The playable instrument: what live playing and the plug-in server share."""
