"""The fields of a job: where its cues are, and the project fields it sets."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from render.project.project import Project
from render.project.toml_config import Table

FILES = ("cues", "project", "mapping")
"""Fields that name one file; a relative name is relative to the jobs file's folder."""

MODELS = ("model", "models")
"""Fields that name models, by name or by file; each replaces the other."""

OF_A_PROJECT = (
    "show", "reel", "fps", "start", "end", *MODELS, "bank", "mapping", "seed", "take", "bits", "layout",
    "head_handle", "tail_handle", "pops", "spec", "scene", "tape", "note", "tail_s", "include_muted", "skip_unreadable",
    "sync", "offset",
)  # fmt: skip

OF_A_JOB = {"cues": str, "project": str, "clips": bool, "moment": Annotated[datetime, Meta(tz=False)], "start_tc": str}
"""A job's own fields: cue sheet, project file, whether each cue is written as a file, date and time, and start.

``moment`` is the local date and time of the files. ``start_tc`` is ``start`` by its command-line name.
"""

NAME_RULE = (
    "a job's name is its folder's: 1 to 64 letters a-z, digits, '_', '-' or '.', beginning with a letter or digit, "
    "not ending in '.', no device's name, and not beginning with 'batch.'"
)
DEVICES = r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)"
NAME = re.compile(rf"(?!batch\.)(?!{DEVICES})[a-z0-9](?:[a-z0-9_.-]{{0,62}}[a-z0-9_-])?")


def is_job_name(name: str) -> bool:
    """Return whether a folder beside the batch's own files may have this name on any system."""
    return NAME.fullmatch(name.casefold()) is not None and name.isascii()


_PROJECT_TYPES: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Project)}
_PROJECT_FIELDS = [(name, _PROJECT_TYPES[name] | None, None) for name in OF_A_PROJECT]

TWO_STARTS = "'start' and 'start_tc' are two names of one field: keep one"


def _one_start(table: Fields) -> None:
    if table.start is not None and table.start_tc is not None:
        raise ValueError(TWO_STARTS)


if TYPE_CHECKING:

    class Fields(Table, frozen=True, kw_only=True):
        start: str | None = None
        start_tc: str | None = None

else:
    Fields = msgspec.defstruct(
        "Fields",
        [*((name, kind | None, None) for name, kind in OF_A_JOB.items()), *_PROJECT_FIELDS],
        bases=(Table,),
        namespace={"__post_init__": _one_start},
        kw_only=True,
        module=__name__,
    )
    """A table of these fields, all optional; :class:`~render.project.project.Project` defines their ranges."""


def set_fields(table: Table) -> dict:
    """Return the fields that a table states, by name; ``start_tc`` is returned as ``start``."""
    values = {name: getattr(table, name) for name in Fields.__struct_fields__}
    stated = {name: value for name, value in values.items() if value is not None}
    return {"start" if name == "start_tc" else name: value for name, value in stated.items()}


def override(fields: dict, overriding: dict) -> dict:
    """Return the fields with the overriding ones in place."""
    models = MODELS if any(name in overriding for name in MODELS) else ()
    return {name: value for name, value in fields.items() if name not in models} | overriding
