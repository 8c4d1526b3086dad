"""Recordings prepared for training: find, check, label and cache them."""
