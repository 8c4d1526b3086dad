"""Versioned TOML files, every field checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.inspect import LiteralType, StructType, Type, UnionType, type_info

from plugin_backend.errors import ProjectError
from plugin_backend.text import in_one_line

STEP = re.compile(r"\.(\w+)|\[(\d{1,9})\]")
LONGEST_NAME = 64


def explain_error(problem: Exception, data: Any, kind: type) -> tuple[str, str, str]:
    """Explain a validation error in three parts of one line.

    Args:
        problem: the error that ``msgspec.convert(data, kind)`` raised. Any other error explains itself.
        data: the file's content as plain data.
        kind: type of the file's content.

    Returns:
        What is wrong, where it is, and which values are allowed. The last two may be empty.
    """
    text, separator, place = str(problem).rpartition(" - at `$")
    if not (separator and isinstance(problem, msgspec.ValidationError)):
        return str(problem), "", ""
    values, owner = _at(place, data, kind)
    listed = " or ".join(filter(None, (", ".join(map(str, values[:-1])), *map(str, values[-1:]))))
    return text, f" - at `${place}{owner}", listed and f": {listed} can be used"


def _at(place: str, data: Any, kind: type) -> tuple[list, str]:
    """Return the values allowed at a place such as ``.stems[0].effects[0].type``, and the name of its table.

    Both are empty if they cannot be listed. The place may not exist, because the name of an unknown field can look
    like a place.
    """
    types: list[Any] = list(_alternatives(type_info(kind)))
    owner = ""
    for field, index in STEP.findall(place):
        if field:
            tables = [one for one in types if isinstance(one, StructType)]
            if any(one.tag_field == field for one in tables):
                return [one.tag for one in tables], owner
            content = data if isinstance(data, dict) else {}
            tables = [one for one in tables if one.tag is None or one.tag == content.get(one.tag_field)]
            types = [one.type for table in tables for one in table.fields if one.encode_name == field]
            data = content.get(field)
        else:
            types = [one.item_type for one in types if hasattr(one, "item_type")]
            data = data[int(index)] if isinstance(data, list) and int(index) < len(data) else None
            name = data.get("name", data.get("id")) if isinstance(data, dict) else None
            owner = f" of {name[:LONGEST_NAME]!a}" if isinstance(name, str) else owner
        types = [choice for one in types for choice in _alternatives(one)]
    return [value for one in types if isinstance(one, LiteralType) for value in one.values], owner


def _alternatives(one: Type) -> tuple[Type, ...]:
    return one.types if isinstance(one, UnionType) else (one,)


LARGEST_BYTES = 2**20


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a TOML file. An unknown key is an error."""


Kind = TypeVar("Kind", bound=Table)


def read_toml(path: Path, kind: type[Kind]) -> Kind:
    """Read a TOML file and check every field.

    Raises:
        ProjectError: the file is missing, over 1 MiB or not TOML, or a field is out of range; names the file and the
            field.
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
        raise ProjectError(f"{path}: {in_one_line(''.join(explain_error(problem, content, kind)))}") from problem
    except ValueError as problem:
        raise ProjectError(f"{path}: {in_one_line(problem)}") from problem
