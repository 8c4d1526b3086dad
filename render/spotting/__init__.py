"""Spotting: a cue sheet of a recording's hits."""

from render.spotting.sheet import cues_of_guide

__all__ = ["cues_of_guide"]
