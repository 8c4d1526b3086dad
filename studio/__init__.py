"""Where a person works: the ``pisada`` command line."""
