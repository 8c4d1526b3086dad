"""Play a preset note by note: what live playing and the plug-in share."""
