"""Audio devices: open, run, reconnect."""
