"""What a stem may be called."""

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
"""What letters of Latin alphabets become that are no letter with an accent."""

STEM_RULE = f"a stem's name has 1 to 32 letters, digits, '_' or '-', starts with a letter or digit, and is not {SUM}"


def is_stem_name(name: str) -> bool:
    """Whether :data:`STEM_RULE` allows it; FOLEY is the sum's."""
    return STEM_NAME.fullmatch(name) is not None and name.upper() != SUM


def nearest_stem_name(name: str, otherwise: str) -> str:
    """The name itself if it is allowed, or what is nearest: accents dropped, all else that is not allowed one '-'.

    Args:
        name: a track's name, say.
        otherwise: a stem name, for when nothing is left.
    """
    if is_stem_name(name):
        return name
    plain = unicodedata.normalize("NFKD", name.translate(LETTERS)).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_")[:LONGEST].rstrip("-_") or otherwise
    return f"{stem}-TRACK" if stem.upper() == SUM else stem
