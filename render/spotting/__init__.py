"""Spotting: make a cue sheet from the hits in a recording."""

from render.spotting.hits_to_cues import cues_of_guide

__all__ = ["cues_of_guide"]
