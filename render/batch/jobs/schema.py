"""What a job may say: where its cues are, and the fields of a project it sets."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from render.project.project import Project
from render.project.toml_config import Table

FILES = ("cues", "project", "mapping")
"""Fields that name one file; a relative one is taken from the jobs file's folder."""

MODELS = ("model", "models")
"""Fields that name models, by word or by file; either stands for the other."""

OF_A_PROJECT = (
    "show", "reel", "fps", "start", "end", *MODELS, "bank", "mapping", "seed", "take", "bits", "layout",
    "head_handle", "tail_handle", "pops", "spec", "scene", "tape", "note", "tail_s", "include_muted", "skip_unreadable",
    "sync", "offset",
)  # fmt: skip

OF_A_JOB = {"cues": str, "project": str, "clips": bool, "moment": Annotated[datetime, Meta(tz=False)], "start_tc": str}
"""Sheet and project file; whether each cue is wanted as a file; the local date and time that the files bear; and the
start by the name that the commands call it."""

NAME_RULE = (
    "a job's name is its folder's: 1 to 64 letters a-z, digits, '_', '-' or '.', beginning with a letter or digit, "
    "not ending in '.', no device's name, and not beginning with 'batch.'"
)
DEVICES = r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)"
NAME = re.compile(rf"(?!batch\.)(?!{DEVICES})[a-z0-9](?:[a-z0-9_.-]{{0,62}}[a-z0-9_-])?")


def is_job_name(name: str) -> bool:
    """Whether a folder may be called so, on any system, beside the batch's own files."""
    return NAME.fullmatch(name.casefold()) is not None and name.isascii()


_TYPES = {field.name: field.type for field in msgspec.structs.fields(Project)}
_PROJECT_FIELDS = [(name, _TYPES[name] | None, None) for name in OF_A_PROJECT]

TWO_STARTS = "'start' and 'start_tc' are one field by two names: keep one"


def _one_start(table: Table) -> None:
    if table.start is not None and table.start_tc is not None:
        raise ValueError(TWO_STARTS)


Fields = msgspec.defstruct(
    "Fields",
    [*((name, kind | None, None) for name, kind in OF_A_JOB.items()), *_PROJECT_FIELDS],
    bases=(Table,),
    namespace={"__post_init__": _one_start},
    kw_only=True,
    module=__name__,
)
"""A table of such fields, all optional, each with the range that :class:`~render.project.project.Project` gives it."""


def set_fields(table: Table) -> dict:
    """Field → value, of those of :data:`Fields` that a table states; ``start_tc`` is ``start``."""
    values = {name: getattr(table, name) for name in Fields.__struct_fields__}
    stated = {name: value for name, value in values.items() if value is not None}
    return {"start" if name == "start_tc" else name: value for name, value in stated.items()}


def override(fields: dict, nearer: dict) -> dict:
    """Fields with nearer ones, which win."""
    models = MODELS if any(name in nearer for name in MODELS) else ()
    return {name: value for name, value in fields.items() if name not in models} | nearer
