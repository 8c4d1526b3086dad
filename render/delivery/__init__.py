"""Stems on disk: files, names, levels, report; all of a version or none."""
