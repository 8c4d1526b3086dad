"""One file for each `pisada` command: its options and help."""
