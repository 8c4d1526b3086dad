"""Cue sheets: what an editor hands over, read into exact cues."""

from render.cues.cue import Cue, CueSheet
from render.cues.reader import read_cues

__all__ = ["Cue", "CueSheet", "read_cues"]
