"""Rules for the names of stems."""

from __future__ import annotations

import re
import unicodedata

STEM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
LONGEST = 32
SUM = "FOLEY"
LETTERS = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ı": "i"}
)
"""Replacements for Latin letters that are not a plain letter with an accent."""

STEM_RULE = f"a stem's name has 1 to 32 letters, digits, '_' or '-', starts with a letter or digit, and is not {SUM}"


def is_stem_name(name: str) -> bool:
    """Return whether :data:`STEM_RULE` allows a name. FOLEY is reserved for the sum.

    Examples:
        >>> is_stem_name("FEET"), is_stem_name("FOLEY")
        (True, False)
    """
    return STEM_NAME.fullmatch(name) is not None and name.upper() != SUM


def nearest_stem_name(name: str, otherwise: str) -> str:
    """Return the name if it is allowed, or else the nearest allowed name.

    Accents are removed, and every run of other characters that are not allowed becomes one ``-``.

    Args:
        name: for example, the name of a track.
        otherwise: a stem name to return when no character is left.
    """
    if is_stem_name(name):
        return name
    plain = unicodedata.normalize("NFKD", name.translate(LETTERS)).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_")[:LONGEST].rstrip("-_") or otherwise
    return f"{stem}-TRACK" if stem.upper() == SUM else stem
