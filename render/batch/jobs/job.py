"""One job of a batch, and the file that asks for it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from plugin_backend.errors import JobsError, ProjectError
from presets.bank import absolute_bank_names
from render.batch.jobs.schema import FILES, MODELS, NAME_RULE, OF_A_PROJECT, is_job_name
from render.project.effect_schema import FILES as MODEL_FILES
from render.project.project import Project, project_from

MOST_JOBS = 100_000
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Job:
    """One delivery.

    Attributes:
        name: of its folder.
        cues: the cue sheet.
        fields: what it sets, see :data:`render.batch.jobs.schema.Fields`; files are whole paths.
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
        """Those of these names, capitals or not.

        Raises:
            JobsError: there is none of a name.
        """
        there = {job.name.casefold(): job for job in self.jobs}
        for name in names:
            if name.casefold() not in there:
                raise JobsError(f"there is no job '{name}'", file=self.file)
        wanted = {name.casefold() for name in names}
        return replace(self, jobs=tuple(job for name, job in there.items() if name in wanted))


def is_utf8(path: Path) -> bool:
    """Whether a path can be told in text: orders, journal, log and report are UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def with_absolute_files(fields: dict, folder: Path) -> dict:
    """Fields with their files as seen from ``folder``; a model's name stays."""
    there = {name: str(folder / fields[name]) for name in FILES if name in fields}
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
    """A job, its name, cues, paths and models checked.

    Raises:
        JobsError: the name may not be a folder's, no cue sheet is given, or a path or model may not be.
    """

    def wrong(problem: str, field: str | None = None) -> JobsError:
        if row is not None:
            return JobsError(problem, file=file, row=row, field=field)
        return JobsError(f"{where}: {problem}", file=file)

    if not is_job_name(name):
        raise JobsError(f"{name!r}: {NAME_RULE}", file=file, row=row, field="name" if row is not None else None)
    if "cues" not in fields:
        raise wrong("no cue sheet: give it 'cues'")
    if all(field in fields for field in MODELS):
        raise wrong("'model' and 'models' are both given; name them all in 'models'")
    for field in (*FILES, "bank", *MODELS):
        if CONTROL.search("".join(fields.get(field, ""))):
            raise wrong(f"{fields[field]!a}: a path holds no control characters", field)
    fields = with_absolute_files(fields, file.absolute().parent)
    return Job(name, Path(fields["cues"]), fields, where)
