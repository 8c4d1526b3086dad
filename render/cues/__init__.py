"""Cue sheets: any format an editor has, read into one list of cues, checked, and written."""

from render.cues.cue import Cue, CueSheet
from render.cues.read import read_cues

__all__ = ["Cue", "CueSheet", "read_cues"]
