"""What decides a job's bytes, as one word: two runs of one key and moment leave the same stems."""

from __future__ import annotations

import os

from plugin_backend.hashing import digest
from presets.bank import is_file_name
from render.delivery.file_names import clip_names, stem_names
from render.delivery.incremental.diff import stem_keys
from render.delivery.report import cue_table
from render.plan.cache_key import cue_keys
from render.plan.plan import Plan
from render.project.project import Project

VERSION = 1
"""Raised whenever the same inputs would leave other files."""

SLATE = ("show", "reel", "scene", "tape", "note", "take", "spec")


def _word(value: object) -> object:
    """A preset's file without its folder; what is in it counts with the stems."""
    return os.path.basename(value) if isinstance(value, str) and is_file_name(value) else value


def job_key(plan: Plan, project: Project, clips: bool) -> str:
    """Forty hex digits of sheet, project, presets, model, sources and plug-ins.

    Raises:
        AudioFileError: a source cannot be read.
    """
    cues = [{name: _word(cue[name]) for name in cue if name != "source"} for cue in cue_table(plan, project.clock())]
    return digest(
        {
            "version": VERSION,
            "stems": stem_keys(plan, project, cue_keys(plan)),
            "files": stem_names(plan, project, 1),
            "slate": {name: getattr(project, name) for name in SLATE},
            "cues": cues,
            "clips": clip_names(plan) if clips else None,
        }
    )
