"""Find and escape characters that a terminal, a file or a format cannot hold."""

from __future__ import annotations

import re

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters other than line feed and tab, marks that change the direction of text, and bytes that are not
UTF-8.
"""


CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""ASCII control characters, line breaks and tabs included."""

NO_CONTROL_PATTERN = r"^[^\x00-\x1f\x7f]*$"
"""The pattern of a whole text without ASCII control characters."""

CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""ASCII control characters that a text of several lines may not hold: all but tab, line feed and carriage return."""

NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Characters that XML cannot hold: as ``CONTROL_IN_TEXT``, and bytes that are not UTF-8 (surrogates)."""

NOT_IN_CELL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that a cell of a sheet may not hold: control characters and every line break."""

NOT_IN_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that a text file may not hold: control characters other than tab and line feed, and surrogates."""

NOT_IN_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
"""Runs of characters that a name on one line may not hold: control characters, line breaks and surrogates."""

NOT_IN_SESSION = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]+")
"""Runs of characters that a name in a session file may not hold: as ``NOT_IN_NAME``, and Unicode's noncharacters."""


def escape_unprintable(text: str, encoding: str = "utf-8") -> str:
    """Return the text with every unprintable character written as ``\\xNN`` or ``\\uNNNN``.

    Args:
        text: any text.
        encoding: encoding of the output. Characters that it cannot hold are escaped too.

    Examples:
        >>> escape_unprintable("a" + chr(27))
        'a\\\\x1b'
    """
    return UNPRINTABLE.sub(_escape, text).encode(encoding, "backslashreplace").decode(encoding)


def in_one_line(problem: object) -> str:
    """Return the text of a library's error with line breaks escaped: it may quote what a file holds.

    Examples:
        >>> in_one_line(ValueError("unknown field `a" + chr(10) + "b`"))
        'unknown field `a\\\\nb`'
    """
    return NOT_IN_CELL.sub(lambda found: "\\n" if found[0] == "\n" else _escape(found), str(problem))


def _escape(match: re.Match) -> str:
    code = ord(match[0])
    byte = code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code  # Python reads bytes that are not UTF-8 so
    return f"\\x{byte:02x}" if byte < 0x100 else f"\\u{byte:04x}"
