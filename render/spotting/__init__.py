"""Spotting: a cue sheet of a recording's hits."""

from render.spotting.hits_to_cues import cues_of_guide

__all__ = ["cues_of_guide"]
