"""Jobs as a versioned TOML: defaults, a matrix of reels, versions, banks and projects, overrides, exclusions."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Literal

from plugin_backend.errors import JobsError
from render.batch.jobs.job import MOST_JOBS, Job, Jobs, make_job
from render.batch.jobs.schema import Fields, override, set_fields
from render.project.toml_config import Table, read_toml

AXES = ("reels", "versions", "banks", "projects")


class AxisValue(Fields, kw_only=True):
    """One value of an axis: its word in the job's name, and what it sets."""

    id: str


class Matrix(Table):
    """Axes whose combinations are jobs; ``name`` is a pattern of their names, else those given joined by ``-``."""

    name: str | None = None
    reels: list[AxisValue] = []
    versions: list[AxisValue] = []
    banks: list[AxisValue] = []
    projects: list[AxisValue] = []


class NamedJob(Fields, kw_only=True):
    """A job of its own, or what a job of the matrix sets otherwise."""

    name: str


class Exclusion(Table):
    """A combination that is no job: every axis it names must fit."""

    reels: str | None = None
    versions: str | None = None
    banks: str | None = None
    projects: str | None = None


class JobsFile(Table, kw_only=True):
    """The whole file."""

    schema: Literal[1]
    defaults: Fields = Fields()
    matrix: Matrix = Matrix()
    jobs: list[NamedJob] = []
    exclude: list[Exclusion] = []


def read_toml_jobs(path: Path) -> Jobs:
    """Read a TOML of jobs. What is nearer wins: defaults, then reel, version, bank, project, then the job's own.

    Raises:
        ProjectError: no TOML, or a field out of range.
        JobsError: an axis, a name or an exclusion is wrong.
    """
    file = read_toml(path, JobsFile)
    _check(file, path)
    own = {job.name: job for job in file.jobs}
    if len(own) < len(file.jobs):
        twice = next(job.name for job in file.jobs if sum(other.name == job.name for other in file.jobs) > 1)
        raise JobsError(f"[[jobs]] '{twice}' is there twice", file=path)
    defaults, found = set_fields(file.defaults), []
    for name, points in _combinations(file, path):
        fields = defaults
        for point in points:
            fields = override(fields, set_fields(point))
        changes = set_fields(own.pop(name)) if name in own else {}
        found.append(make_job(name, override(fields, changes), path, f"[matrix] {name}"))
    found += [
        make_job(name, override(defaults, set_fields(job)), path, f"[[jobs]] {name}") for name, job in own.items()
    ]
    return Jobs(path, tuple[Job, ...](found))


def _check(file: JobsFile, path: Path) -> None:
    size = 1
    for axis in AXES:
        ids = [point.id for point in getattr(file.matrix, axis)]
        size *= max(1, len(ids))
        if len(set(ids)) < len(ids):
            raise JobsError(f"[[matrix.{axis}]]: two have the same id", file=path)
        for rule in file.exclude:
            wanted = getattr(rule, axis)
            if wanted is not None and wanted not in ids:
                raise JobsError(f"[[exclude]] {axis} = {wanted!r}: no such id in [[matrix.{axis}]]", file=path)
    if any(all(getattr(rule, axis) is None for axis in AXES) for rule in file.exclude):
        raise JobsError(f"[[exclude]]: name one of {', '.join(AXES)}", file=path)
    if size > MOST_JOBS:
        raise JobsError(f"[matrix]: {size} combinations; at most {MOST_JOBS}", file=path)


def _combinations(file: JobsFile, path: Path):
    axes = [axis for axis in AXES if getattr(file.matrix, axis)]
    if not axes:
        return
    for points in product(*(getattr(file.matrix, axis) for axis in axes)):
        ids = {axis: point.id for axis, point in zip(axes, points, strict=True)}
        if any(_fits(rule, ids) for rule in file.exclude):
            continue
        yield _name(file.matrix.name, ids, path), points


def _fits(rule: Exclusion, ids: dict[str, str]) -> bool:
    return all(getattr(rule, axis) in (None, ids.get(axis)) for axis in AXES)


def _name(pattern: str | None, ids: dict[str, str], path: Path) -> str:
    if pattern is None:
        return "-".join(ids.values())
    for axis, word in ids.items():
        pattern = pattern.replace(f"{{{axis}}}", word)
    if "{" in pattern:
        raise JobsError(f"[matrix] name: its fields are {', '.join(f'{{{axis}}}' for axis in ids)}", file=path)
    return pattern
