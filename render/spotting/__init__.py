"""Spotting: where a recording is hit, and a cue sheet of it."""

from render.spotting.hits import Hit, Sensitivity, spot
from render.spotting.sheet import cues_of_guide

__all__ = ["Hit", "Sensitivity", "cues_of_guide", "spot"]
