"""Join a project file and the command line's flags; flags win."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from render.project import Project, read_project


def project_from(file: Path | None, cues: Path, **flags) -> Project:
    """The project a command works with.

    Args:
        file: a project TOML, or none.
        cues: the cue sheet; without a project its name becomes the show's.
        flags: fields of :class:`~render.project.Project`; ``None`` means not given.

    Raises:
        ProjectError: see :func:`render.project.read_project`.
    """
    show = re.sub(r"[^\w -]", "-", cues.stem)[:64] or "PISADA"
    project = read_project(file) if file is not None else Project(show=show)
    given = {name: value for name, value in flags.items() if value is not None}
    return msgspec.structs.replace(project, **given)
