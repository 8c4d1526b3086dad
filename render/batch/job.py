"""One job of a batch, and the file that asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from plugin_backend.errors import JobsError, ProjectError
from render.batch.fields import FILES, NAME_RULE, OF_A_PROJECT, is_job_name
from render.project import Project, project_from

MOST_JOBS = 100_000
MODELS = (".safetensors", ".rave.json")


@dataclass(frozen=True)
class Job:
    """One delivery.

    Attributes:
        name: of its folder.
        cues: the cue sheet.
        fields: what it sets, see :data:`render.batch.fields.Fields`; files are whole paths.
        where: its place in the jobs file, for messages.
    """

    name: str
    cues: Path
    fields: dict
    where: str

    @property
    def clips(self) -> bool:
        """Whether each cue is wanted as a file too."""
        return self.fields.get("clips", False)

    @property
    def moment(self) -> str | None:
        """The origination date and time that its files are to bear, ISO 8601 to the second, if it is given."""
        moment: datetime | None = self.fields.get("moment")
        return moment and moment.replace(microsecond=0).isoformat()

    def project(self) -> Project:
        """Its project file with its fields.

        Raises:
            ProjectError: see :func:`render.project.read_project`, or a field is out of range.
        """
        file = self.fields.get("project")
        flags = {name: self.fields[name] for name in OF_A_PROJECT if name in self.fields}
        try:
            return project_from(Path(file) if file is not None else None, self.cues, **flags)
        except ValueError as problem:
            raise ProjectError(f"{self.where}: {problem}") from problem


@dataclass(frozen=True)
class Jobs:
    """A jobs file: its path, and its jobs in order."""

    file: Path
    jobs: tuple[Job, ...]


def located(fields: dict, folder: Path) -> dict:
    """Fields with their files as seen from ``folder``; a model's name stays."""
    files = {name: fields[name] for name in FILES if name in fields}
    if not files.get("model", "").endswith(MODELS):
        files.pop("model", None)
    return fields | {name: str(folder / file) for name, file in files.items()}


def job_of(name: str, fields: dict, file: Path, where: str, row: int | None = None) -> Job:
    """A job, its name and cues checked.

    Raises:
        JobsError: the name may not be a folder's, or no cue sheet is given.
    """
    if not is_job_name(name):
        raise JobsError(f"{name!r}: {NAME_RULE}", file=file, row=row, field="name" if row is not None else None)
    if "cues" not in fields:
        told = "no cue sheet: give it 'cues'"
        raise JobsError(told if row is not None else f"{where}: {told}", file=file, row=row)
    fields = located(fields, file.parent)
    return Job(name, Path(fields["cues"]), fields, where)
