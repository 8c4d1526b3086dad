"""What a spreadsheet program makes of a cell: decimal commas, which are read, and dates, which are refused."""

from __future__ import annotations

import re

from plugin_backend.errors import CueSheetError

TYPE_AGAIN = "format the column as text, then type it again"
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]{0,9},[0-9]{1,20}( ?s)?")
MONTHS = "jan feb fev fév mar mär mrz apr avr abr may mai mag maj jun giu jui jul lug aug aoû ago sep set oct okt out"
MONTH = rf"(?:{'|'.join(MONTHS.split())}|ott|nov|dec|dez|dic|déc)[^\W\d]{{0,9}}\.?"
TIME_OF_DAY = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?( ?[ap]\.?m\.?)?"
# 12.10.2025, 2025-10-12 01:00:10, 10.12., 10. Dez, 12-Oct-25, Oct-12, 01:00:10, 1:00:10 AM
DATE = re.compile(
    rf"[0-9]{{1,4}}[./-][0-9]{{1,2}}[./-]([0-9]{{1,4}}( {TIME_OF_DAY})?)?|"
    rf"[0-9]{{1,2}}\.?[ -]?{MONTH}([ -][0-9]{{2,4}})?|{MONTH}[ -][0-9]{{1,4}}|{TIME_OF_DAY}",
    re.IGNORECASE,
)


def decimal_point(text: str) -> str:
    """A number with a decimal comma, with a point; anything else as it is."""
    return text.replace(",", ".") if DECIMAL_COMMA.fullmatch(text) else text


def is_date(text: str) -> bool:
    """Whether a cell is a date or a time of day, as a spreadsheet program writes one for a timecode or a number."""
    return DATE.fullmatch(text) is not None


def check_no_date(text: str) -> str:
    """The same text.

    Raises:
        CueSheetError: it is a date or a time of day.
    """
    if is_date(text):
        raise CueSheetError(f"{text!r} is a date or a time of day, which a spreadsheet made of it: {TYPE_AGAIN}")
    return text
