"""Cue sheets: read any editor's format into one list of cues, check it, and write it."""

from render.cues.cue import Cue, CueSheet
from render.cues.read import read_cues

__all__ = ["Cue", "CueSheet", "read_cues"]
