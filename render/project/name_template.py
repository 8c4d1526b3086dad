"""The pattern of stem file names: ``{show}_{reel}_{track}_v{version}_{rate}_{bits}_{fps}``."""

from __future__ import annotations

import re
from collections.abc import Iterable

DEFAULT = "{show}_{reel}_{track}_v{version}_{rate}_{bits}_{fps}"
FIELDS = ("show", "reel", "track", "version", "rate", "bits", "fps", "take", "layout")
REQUIRED = ("track", "version")
PIECE = re.compile(r"([^{}]*)(?:\{([^{}]*)\})?")
LITERAL = re.compile(r"[A-Za-z0-9 ._-]*")
LONGEST = 128


def check_template(template: str) -> None:
    """Check that every name made by the pattern is a plain file name.

    Raises:
        ValueError: it is not; the message says what is allowed.
    """
    pieces = PIECE.findall(template)
    used = [field for _, field in pieces if field]
    if "".join(text + (f"{{{field}}}" if field else "") for text, field in pieces) != template:
        raise ValueError(
            f"name {template!r}: a brace is not closed, is empty or stands alone; fields are {_listed(FIELDS)}"
        )
    for field in used:
        if field not in FIELDS:
            raise ValueError(f"name {template!r}: no field {{{field}}}; fields are {_listed(FIELDS)}")
    missing = [field for field in REQUIRED if field not in used]
    if missing:
        raise ValueError(f"name {template!r}: {_listed(missing)} must be in it, because two files cannot share a name")
    if not all(LITERAL.fullmatch(text) for text, _ in pieces):
        raise ValueError(f"name {template!r}: between fields only letters, digits, ' ', '.', '_' and '-'")
    if template[0] in " ." or len(template) > LONGEST:
        raise ValueError(
            f"name {template!r}: it must begin with a letter, digit or field, and have at most {LONGEST} characters"
        )


def fill(template: str, fields: dict[str, str]) -> str:
    """Return a file name by a checked pattern. An empty field also removes the ``_``, ``-``, ``.`` or space before it.

    Args:
        template: the pattern.
        fields: text of every field of :data:`FIELDS`.
    """
    name = ""
    for text, field in PIECE.findall(template):
        value = fields[field] if field else ""
        name += (text[:-1] if text[-1:] in tuple("_-. ") and field and not value else text) + value
    return name.lstrip("_-. ") if name[:1] in ("_", "-", ".", " ") else name


def _listed(fields: Iterable[str]) -> str:
    return ", ".join(f"{{{field}}}" for field in fields)
