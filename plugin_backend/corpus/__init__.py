"""Folders of recordings as material to learn from: found, checked, labelled, cached."""
