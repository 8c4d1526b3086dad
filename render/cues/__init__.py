"""Cue sheets: CSV and MIDI files read into one list of cues."""

from render.cues.cue import Cue, CueSheet
from render.cues.reader import read_cues

__all__ = ["Cue", "CueSheet", "read_cues"]
