"""What a file says of itself, beside its samples."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from render.project.project import Project
from render.project.timecode import FrameRate


@dataclass(frozen=True)
class FileMetadata:
    """The words on a file, for bext and iXML.

    Attributes:
        show, scene, tape, note: text.
        take: the project's take.
        rate: the frame rate, if one is given.
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
    """The project's slate: the scene is the reel, and the tape show and reel, unless the project says otherwise."""
    return FileMetadata(
        show=project.show,
        scene=project.scene or project.reel,
        tape=project.tape or f"{project.show}_{project.reel}",
        note=project.note,
        take=project.take,
        rate=project.rate,
        moment=moment,
    )
