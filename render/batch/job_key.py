"""The key of a job: two runs with equal keys and equal date and time write the same stems."""

from __future__ import annotations

import os

from plugin_backend.hashing import digest
from presets.bank import is_file_name
from render.delivery.file_names import clip_names, stem_names
from render.delivery.incremental.sample_digests import stem_keys
from render.delivery.report import cue_table
from render.plan.cache_key import cue_keys
from render.plan.plan import Plan
from render.project.project import Project

VERSION = 1
"""Increased whenever the same inputs would give other files."""

SLATE = ("show", "reel", "scene", "tape", "note", "take", "spec")


def _without_folder(value: object) -> object:
    """Return a preset file's name without its folder; its contents count through the stems' keys."""
    return os.path.basename(value) if isinstance(value, str) and is_file_name(value) else value


def job_key(plan: Plan, project: Project, clips: bool) -> str:
    """Return forty hex digits that depend on sheet, project, presets, model, sources and plug-ins.

    Args:
        plan: the job's plan.
        project: with the job's fields.
        clips: whether each cue is written as a file too.

    Raises:
        AudioFileError: a source cannot be read.
    """
    cues = [
        {name: _without_folder(cue[name]) for name in cue if name != "source"}
        for cue in cue_table(plan, project.clock())
    ]
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
