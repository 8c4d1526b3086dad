"""Deliver a new version by changing only what differs from the last one."""
