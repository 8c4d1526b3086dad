"""Parts of a self-contained HTML page: tables, pictures and players. All text is escaped."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
import soundfile

HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }}
th, td {{ padding: .15rem .7rem; text-align: right; border-bottom: 1px solid #ddd }}
th:first-child, td:first-child {{ text-align: left }}
tr.codec td {{ font-weight: 600; background: #eef4fb }}
img {{ max-width: 100% }} audio {{ height: 2rem; vertical-align: middle }}
.heard {{ text-align: left; white-space: nowrap }} .heard audio {{ width: 9rem }}
.note {{ color: #555 }} .scroll {{ overflow-x: auto }}
</style>
<h1>{title}</h1>
"""


def head(title: str) -> str:
    """Return the beginning of the page."""
    return HEAD.format(title=escape(title))


def heading(text: str) -> str:
    """Return a section's heading."""
    return f"<h2>{escape(text)}</h2>\n"


def paragraph(text: str, note: bool = False) -> str:
    """Return a paragraph of plain text."""
    return f"<p{' class=note' if note else ''}>{escape(text)}</p>\n"


def listed(lines: list[str]) -> str:
    """Return a list of plain texts."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>\n"


class RawCell(str):
    """A cell that is HTML already and is not escaped."""


def table(header: list[str], rows: list[list[str]], bold: str | None = None) -> str:
    """Return a table; rows whose first cell is ``bold`` are highlighted.

    Args:
        header: the headings.
        rows: the cells.
        bold: first cell of the highlighted rows.
    """
    top = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        f"<tr{' class=codec' if row[0] == bold else ''}>"
        + "".join(f"<td>{cell if isinstance(cell, RawCell) else escape(cell)}</td>" for cell in row)
        + "</tr>\n"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'


def number(value: float | None, form: str = "{:.2f}") -> str:
    """Return a number for a table, or a dash."""
    return "–" if value is None else form.format(value)


def picture(png: bytes, description: str) -> str:
    """Return an image inside the page; ``description`` says what it shows."""
    data = base64.b64encode(png).decode("ascii")
    return f'<p><img alt="{escape(description)}" src="data:image/png;base64,{data}"></p>\n'


def player(name: str, audio: np.ndarray, sample_rate: int) -> str:
    """Return a named player of one sound ``[samples]``: 16-bit FLAC inside the page.

    Args:
        name: shown beside it.
        audio: the sound.
        sample_rate: in Hz.
    """
    packed = io.BytesIO()
    soundfile.write(packed, np.clip(audio, -1, 1), sample_rate, format="FLAC", subtype="PCM_16")
    source = f"data:audio/flac;base64,{base64.b64encode(packed.getvalue()).decode('ascii')}"
    return f'<label>{escape(name)} <audio controls preload="none" src="{source}"></audio></label>\n'


def players(title: str, sounds: dict[str, np.ndarray], sample_rate: int) -> str:
    """Return a titled row of players, one for each named sound.

    Args:
        title: above them.
        sounds: by name.
        sample_rate: in Hz.
    """
    return f"<h3>{escape(title)}</h3>\n<p>{_all_of(sounds, sample_rate)}</p>\n"


def players_cell(title: str, sounds: dict[str, np.ndarray], sample_rate: int) -> RawCell:
    """Return players as a table cell, below a title.

    Args:
        title: above them.
        sounds: by name.
        sample_rate: in Hz.
    """
    return RawCell(f'<div class="heard">{escape(title)}<br>\n{_all_of(sounds, sample_rate)}</div>')


def _all_of(sounds: dict[str, np.ndarray], sample_rate: int) -> str:
    return "".join(player(name, audio, sample_rate) for name, audio in sounds.items())
