"""Versioned TOML files, every field checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from plugin_backend.errors import ProjectError
from render.allowed import explained

LARGEST_BYTES = 2**20


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of such a file; unknown keys are errors."""


Kind = TypeVar("Kind", bound=Table)


def read_toml(path: Path, kind: type[Kind]) -> Kind:
    """A file's whole content.

    Raises:
        ProjectError: absent, over 1 MiB, not TOML, or a field out of range; names the file and field.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            raise ProjectError(f"{path}: larger than 1 MiB")
        content = tomllib.loads(data.decode("utf-8"))
        return msgspec.convert(content, kind)
    except OSError as problem:
        raise ProjectError(f"{path}: {problem.strerror}") from problem
    except RecursionError as problem:
        raise ProjectError(f"{path}: nested too deeply") from problem
    except msgspec.ValidationError as problem:
        raise ProjectError(f"{path}: {''.join(explained(problem, content, kind))}") from problem
    except ValueError as problem:
        raise ProjectError(f"{path}: {problem}") from problem
