"""Make a new version from the last one: only what differs is changed."""
