"""The pattern that stems are named by: ``{show}_{reel}_{track}_v{version}_{rate}_{bits}_{fps}``."""

from __future__ import annotations

import re

DEFAULT = "{show}_{reel}_{track}_v{version}_{rate}_{bits}_{fps}"
FIELDS = ("show", "reel", "track", "version", "rate", "bits", "fps", "take", "layout")
REQUIRED = ("track", "version")
PIECE = re.compile(r"([^{}]*)(?:\{([^{}]*)\})?")
LITERAL = re.compile(r"[A-Za-z0-9 ._-]*")
LONGEST = 128


def check_template(template: str) -> None:
    """Raises ValueError, with what is allowed, unless every name of the pattern is a plain file name."""
    pieces = PIECE.findall(template)
    used = [field for _, field in pieces if field]
    if "".join(text + (f"{{{field}}}" if field else "") for text, field in pieces) != template:
        raise ValueError(f"name {template!r}: a brace is open, empty or alone; fields are {_listed(FIELDS)}")
    for field in used:
        if field not in FIELDS:
            raise ValueError(f"name {template!r}: no field {{{field}}}; fields are {_listed(FIELDS)}")
    missing = [field for field in REQUIRED if field not in used]
    if missing:
        raise ValueError(f"name {template!r}: {_listed(missing)} must be in it, or files would share a name")
    if not all(LITERAL.fullmatch(text) for text, _ in pieces):
        raise ValueError(f"name {template!r}: between fields only letters, digits, ' ', '.', '_' and '-'")
    if template[0] in " ." or len(template) > LONGEST:
        raise ValueError(f"name {template!r}: begins with a letter, digit or field; at most {LONGEST} characters")


def fill(template: str, fields: dict[str, str]) -> str:
    """A name by a checked pattern; an empty field goes with the '_', '-', '.' or ' ' before it."""
    name = ""
    for text, field in PIECE.findall(template):
        value = fields[field] if field else ""
        name += (text[:-1] if text[-1:] in tuple("_-. ") and field and not value else text) + value
    return name.lstrip("_-. ") if name[:1] in ("_", "-", ".", " ") else name


def _listed(fields) -> str:
    return ", ".join(f"{{{field}}}" for field in fields)
