"""One job of a batch, and the jobs file it is in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from plugin_backend.errors import JobsError, ProjectError
from plugin_backend.text import CONTROL
from presets.bank import absolute_bank_names
from render.batch.jobs.schema import FILES, MODELS, NAME_RULE, OF_A_PROJECT, is_job_name
from render.project.effect_schema import FILES as MODEL_FILES
from render.project.project import Project, project_from

MOST_JOBS = 100_000


@dataclass(frozen=True)
class Job:
    """One delivery.

    Attributes:
        name: of the job and its folder.
        cues: the cue sheet.
        fields: the fields it sets, see :data:`render.batch.jobs.schema.Fields`; file names are absolute.
        where: its place in the jobs file, for messages.
    """

    name: str
    cues: Path
    fields: dict
    where: str

    @property
    def clips(self) -> bool:
        """Return whether each cue is written as a file too."""
        return self.fields.get("clips", False)

    @property
    def moment(self) -> str | None:
        """Return the stated origination date and time of its files, ISO 8601 to the second; None if not stated."""
        moment: datetime | None = self.fields.get("moment")
        return moment.replace(microsecond=0).isoformat() if moment is not None else None

    def project(self) -> Project:
        """Return its project file with the job's fields.

        Raises:
            ProjectError: see :func:`render.project.project.read_project`, or a field is out of range.
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

    def only(self, names: Collection[str]) -> Jobs:
        """Return the jobs with these names, ignoring capitals.

        Raises:
            JobsError: there is no job of a name.
        """
        there = {job.name.casefold(): job for job in self.jobs}
        for name in names:
            if name.casefold() not in there:
                raise JobsError(f"there is no job '{name}'", file=self.file)
        wanted = {name.casefold() for name in names}
        return replace(self, jobs=tuple(job for name, job in there.items() if name in wanted))


def is_utf8(path: Path) -> bool:
    """Return whether a path can be written as UTF-8, as orders, journal, log and report need."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def with_absolute_files(fields: dict, folder: Path) -> dict:
    """Return the fields with file names made absolute from ``folder``; a model's name stays."""
    there: dict[str, object] = {name: str(folder / fields[name]) for name in FILES if name in fields}
    if "bank" in fields:
        there["bank"] = absolute_bank_names(fields["bank"], folder)
    if "model" in fields:
        there["model"] = _model(fields["model"], folder)
    if "models" in fields:
        there["models"] = [_model(name, folder) for name in fields["models"]]
    return fields | there


def _model(name: str, folder: Path) -> str:
    return str(folder / name) if name.endswith(MODEL_FILES) else name


def make_job(name: str, fields: dict, file: Path, where: str, row: int | None = None) -> Job:
    """Return a job with its name, cues, paths and models checked.

    Args:
        name: its name.
        fields: the fields it sets.
        file: the jobs file.
        where: its place in the file, for messages.
        row: its row in a CSV.

    Raises:
        JobsError: the name cannot name a folder, no cue sheet is given, or a path or model is not allowed.
    """

    def wrong(problem: str, field: str | None = None) -> JobsError:
        if row is not None:
            return JobsError(problem, file=file, row=row, field=field)
        return JobsError(f"{where}: {problem}", file=file)

    if not is_job_name(name):
        raise JobsError(f"{name!r}: {NAME_RULE}", file=file, row=row, field="name" if row is not None else None)
    if "cues" not in fields:
        raise wrong("no cue sheet: set 'cues'")
    if all(field in fields for field in MODELS):
        raise wrong("'model' and 'models' are both given; name them all in 'models'")
    for field in (*FILES, "bank", *MODELS):
        if CONTROL.search("".join(fields.get(field, ""))):
            raise wrong(f"{fields[field]!a}: a path holds no control characters", field)
    fields = with_absolute_files(fields, file.absolute().parent)
    return Job(name, Path(fields["cues"]), fields, where)
