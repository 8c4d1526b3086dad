"""The ``pisada`` command line: its commands, what they do, and what they print."""
