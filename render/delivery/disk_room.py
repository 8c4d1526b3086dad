"""The disk space that a version needs, checked before it is rendered."""

from __future__ import annotations

import shutil
from pathlib import Path

from plugin_backend.errors import DiskFullError
from render.delivery.file_names import layouts_of
from render.engine import clip_writer
from render.plan.plan import Plan
from render.project.channel_layout import LAYOUTS
from render.project.project import Project

SPARE_BYTES, CLIP_SPARE_BYTES = 4 * 2**20, 4096


def sound_bytes(plan: Plan, project: Project, clips: bool) -> int:
    """Return the disk space that a version's audio needs, in bytes.

    Args:
        plan: gives stems and cues.
        project: gives the bits.
        clips: include the clips.
    """
    layouts = {name: LAYOUTS[layout].channels for name, layout in layouts_of(plan).items()}
    needed = sum(layouts.values()) * plan.length_samples * project.bits // 8
    if clips:
        bytes_each = clip_writer.BITS // 8
        needed += sum(e.length_samples * layouts[e.stem] * bytes_each + CLIP_SPARE_BYTES for e in plan.events)
    return needed


def check_room(plan: Plan, project: Project, out: Path, clips: bool) -> None:
    """Check that the audio of a version fits on the disk.

    Args:
        plan: gives stems and cues.
        project: gives the bits.
        out: folder on that disk.
        clips: include the clips.

    Raises:
        DiskFullError: it does not fit.
    """
    needed = sound_bytes(plan, project, clips) + SPARE_BYTES
    free = shutil.disk_usage(out).free
    if needed > free:
        raise DiskFullError(
            f"{out}: the disk is full: the stems need {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free"
        )
