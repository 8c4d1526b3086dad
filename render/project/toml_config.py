"""Versioned TOML files, every field checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.inspect import LiteralType, StructType, Type, UnionType, type_info

from plugin_backend.errors import ProjectError

STEP = re.compile(r"\.(\w+)|\[(\d{1,9})\]")
LONGEST_NAME = 64


def explain_error(problem: Exception, data: Any, kind: type) -> tuple[str, str, str]:
    """Three parts of one line: what is wrong, where, and what is allowed, if that can be listed.

    Args:
        problem: what ``msgspec.convert(data, kind)`` raised; of any other error the line is its own.
    """
    told, found, place = str(problem).rpartition(" - at `$")
    if not (found and isinstance(problem, msgspec.ValidationError)):
        return str(problem), "", ""
    values, owner = _at(place, data, kind)
    listed = " or ".join(filter(None, (", ".join(map(str, values[:-1])), *map(str, values[-1:]))))
    return told, f" - at `${place}{owner}", listed and f": {listed} can be used"


def _at(place: str, data: Any, kind: type) -> tuple[list, str]:
    """The values allowed at ``.stems[0].effects[0].type``, if they can be counted; and of which table by name it is.

    A place may be none: an unknown field's name can read like one.
    """
    types, owner = _alternatives(type_info(kind)), ""
    for field, index in STEP.findall(place):
        if field:
            tables = [one for one in types if isinstance(one, StructType)]
            if any(one.tag_field == field for one in tables):
                return [one.tag for one in tables], owner
            own = data if isinstance(data, dict) else {}
            tables = [one for one in tables if one.tag is None or one.tag == own.get(one.tag_field)]
            types = [one.type for table in tables for one in table.fields if one.encode_name == field]
            data = own.get(field)
        else:
            types = [one.item_type for one in types if hasattr(one, "item_type")]
            data = data[int(index)] if isinstance(data, list) and int(index) < len(data) else None
            name = data.get("name", data.get("id")) if isinstance(data, dict) else None
            owner = f" of {name[:LONGEST_NAME]!a}" if isinstance(name, str) else owner
        types = [each for one in types for each in _alternatives(one)]
    return [value for one in types if isinstance(one, LiteralType) for value in one.values], owner


def _alternatives(one: Type) -> tuple[Type, ...]:
    return one.types if isinstance(one, UnionType) else (one,)


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
        raise ProjectError(f"{path}: {''.join(explain_error(problem, content, kind))}") from problem
    except ValueError as problem:
        raise ProjectError(f"{path}: {problem}") from problem
