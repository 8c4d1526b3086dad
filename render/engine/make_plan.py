"""Make the plan of a render. Cues that lie at their peak are decoded for it."""

from __future__ import annotations

from render.cues import CueSheet
from render.engine.cue_cache import CueCache
from render.engine.peak_position import find_peaks
from render.plan.plan import Plan
from render.plan.resolve import resolve_plan
from render.project.project import Project


def make_plan(project: Project, sheet: CueSheet, cache: CueCache | None = None) -> Plan:
    """Resolve a sheet against a project, and against the presets and models that they name.

    A cue whose peak lies at its position is decoded here, to find where its sound begins.

    Args:
        project: the project; the sheet's frame rate and start are used where it has none.
        sheet: the cues.
        cache: decoded cues; cues that are decoded here are added.

    Returns:
        The plan.

    Raises:
        CueSheetError: everything that is wrong with the sheet, each with its row: rows that could not be read,
            unknown stems, presets and sources, cues outside the programme.
        PresetError: the bank cannot be used, or its presets belong to another model.
        CheckpointError: there is no such model.
        ProjectError: the programme's end is before its start, a handle is wrong, or an effect cannot run on the
            layout of its stem.
        PluginError: a plug-in file does not exist.
        AudioFileError: an effect's impulse response cannot be used.
    """
    return resolve_plan(project, sheet, find_peaks, cache.folder if cache is not None else None)
