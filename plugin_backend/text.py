"""Text that may hold anything, as a terminal or a file of UTF-8 can take it."""

from __future__ import annotations

import re

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but line feed and tab, marks that turn the direction of text, and bytes that are no UTF-8."""


def escape_unprintable(text: str, encoding: str = "utf-8") -> str:
    """The text with every character that is not to be printed as ``\\xNN`` or ``\\uNNNN``.

    Args:
        text: any.
        encoding: of where it is printed; what that has no character for is escaped, too.
    """
    return UNPRINTABLE.sub(_escaped, text).encode(encoding, "backslashreplace").decode(encoding)


def _escaped(found: re.Match) -> str:
    code = ord(found[0])
    byte = code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code  # as Python reads a name that is no UTF-8
    return f"\\x{byte:02x}" if byte < 0x100 else f"\\u{byte:04x}"
