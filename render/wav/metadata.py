"""The text and time that a file carries besides its samples."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from render.project.project import Project
from render.project.timecode import FrameRate


@dataclass(frozen=True)
class FileMetadata:
    """Metadata of a file, for bext and iXML.

    Attributes:
        show, scene, tape, note: text.
        take: take number of the project.
        rate: frame rate, or None.
        moment: when the run began.
    """

    show: str
    scene: str
    tape: str
    note: str
    take: int
    rate: FrameRate | None
    moment: datetime


def metadata_of(project: Project, moment: datetime) -> FileMetadata:
    """Return a project's metadata. Unless the project gives them, the scene is the reel and the tape show and reel.

    Args:
        project: the project.
        moment: when the run began.
    """
    return FileMetadata(
        show=project.show,
        scene=project.scene or project.reel,
        tape=project.tape or f"{project.show}_{project.reel}",
        note=project.note,
        take=project.take,
        rate=project.rate,
        moment=moment,
    )
