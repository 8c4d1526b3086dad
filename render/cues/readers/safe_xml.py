"""Read untrusted XML: no entities, no outside files, and limits on size, depth and count."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from plugin_backend.errors import CueSheetError
from render.cues.readers.csv_sheet import BOM
from render.cues.sheet_file import SheetFile

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


MOST_MIB = 128
MOST_ELEMENTS, MOST_ATTRIBUTES = 2_500_000, 2_000_000
PIECE_BYTES = 2**18
"""A tag at least twice as long is refused, because the parser reads a tag from its beginning for each piece."""

DEEPEST_ELEMENT = 256
SKIPPED = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL)


def is_xml_of(head: bytes, root: str) -> bool:
    """Return whether a file's first bytes are XML whose outermost element has that name."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text, position = head.decode(encoding, errors="replace").removeprefix(BOM), 0
    while match := SKIPPED.match(text, position):
        position = match.end()
    return bool(re.match(rf"<{root}[\s/>]", text[position:]))


def xml_root(sheet: SheetFile) -> Element:
    """Return the outermost element (``xml.etree``).

    Raises:
        CueSheetError: unreadable, not well-formed, over a limit, or with entities or outside files.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    data = sheet.bytes(MOST_MIB * 2**20 + 1)
    if len(data) > MOST_MIB * 2**20:
        raise CueSheetError(f"larger than {MOST_MIB} MiB, the most we read of XML: export a reel at a time")
    if data.count(b"=") > MOST_ATTRIBUTES:
        raise CueSheetError(f"more than {MOST_ATTRIBUTES} attributes: export a reel at a time")
    starts = range(0, len(data) - PIECE_BYTES, PIECE_BYTES)
    if any(data.find(b">", at, at + PIECE_BYTES) < 0 for at in starts):
        raise CueSheetError(f"a tag or a text of more than {PIECE_BYTES // 2**10} KiB: not from an editor")
    depth = count = 0
    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(data), events=("start", "end")):
            if event == "end":
                depth -= 1
                continue
            root = element if root is None else root
            depth, count = depth + 1, count + 1
            if depth > DEEPEST_ELEMENT:
                raise CueSheetError(f"elements nested more than {DEEPEST_ELEMENT} deep: not from an editor")
            if count > MOST_ELEMENTS:
                raise CueSheetError(f"more than {MOST_ELEMENTS} elements: export a reel at a time")
    except DefusedXmlException as error:
        raise CueSheetError("defines entities or refers to outside files: refused") from error
    except (ParseError, LookupError, ValueError) as error:
        raise CueSheetError(f"not well-formed XML: {error}") from error
    assert root is not None  # the parser refuses a file without an element
    return root
