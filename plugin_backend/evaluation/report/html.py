"""Parts of a self-contained HTML page: tables, plots and players.

The template escapes every text, so a file name such as ``<script>`` stays plain text.
"""

from __future__ import annotations

import base64
import io
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

if TYPE_CHECKING:
    from markupsafe import Markup

TEMPLATE = """\
{% macro head(title) -%}
<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
tr.codec td { font-weight: 600; background: #eef4fb }
img { max-width: 100% } audio { height: 2rem; vertical-align: middle }
.players { text-align: left; white-space: nowrap } .players audio { width: 9rem }
.note { color: #555 } .scroll { overflow-x: auto }
</style>
<h1>{{ title }}</h1>
{% endmacro %}
{% macro heading(text) -%}
<h2>{{ text }}</h2>
{% endmacro %}
{% macro paragraph(text, note) -%}
<p{% if note %} class=note{% endif %}>{{ text }}</p>
{% endmacro %}
{% macro listed(lines) -%}
<ul>{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>
{% endmacro %}
{% macro table(header, rows, bold) -%}
<div class="scroll"><table><thead><tr>{% for cell in header %}<th>{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}<tr{% if row[0] == bold %} class=codec{% endif %}>
{%- for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endmacro %}
{% macro plot(description, data) -%}
<p><img alt="{{ description }}" src="data:image/png;base64,{{ data }}"></p>
{% endmacro %}
{% macro audio(sounds) -%}
{% for name, data in sounds %}
<label>{{ name }} <audio controls preload="none" src="data:audio/flac;base64,
{{- data }}"></audio></label>
{% endfor %}
{%- endmacro %}
{% macro players(title, sounds) -%}
<h3>{{ title }}</h3>
<p>{{ audio(sounds) }}</p>
{% endmacro %}
{% macro players_cell(title, sounds) -%}
<div class="players">{{ title }}<br>
{{ audio(sounds) }}</div>
{%- endmacro %}
"""


@cache
def _macros() -> Any:
    from jinja2 import Environment

    return Environment(autoescape=True, trim_blocks=True).from_string(TEMPLATE).module


def head(title: str) -> str:
    """Return the beginning of the page."""
    return str(_macros().head(title))


def heading(text: str) -> str:
    """Return a section's heading."""
    return str(_macros().heading(text))


def paragraph(text: str, note: bool = False) -> str:
    """Return a paragraph of plain text."""
    return str(_macros().paragraph(text, note))


def listed(lines: list[str]) -> str:
    """Return a list of plain texts."""
    return str(_macros().listed(lines))


def table(header: list[str], rows: list[list[str]], bold: str | None = None) -> str:
    """Return a table; rows whose first cell is ``bold`` are highlighted.

    Args:
        header: the headings.
        rows: the cells: plain texts, or parts of a page such as :func:`players_cell`.
        bold: first cell of the highlighted rows.
    """
    return str(_macros().table(header, rows, bold))


def number(value: float | None, form: str = "{:.2f}") -> str:
    """Return a number for a table, or a dash."""
    return "–" if value is None else form.format(value)


def plot(png: bytes, description: str) -> str:
    """Return an image inside the page; ``description`` says what it shows."""
    return str(_macros().plot(description, _base64(png)))


def players(title: str, sounds: dict[str, np.ndarray], sample_rate: int) -> str:
    """Return a titled row of players, one for each named sound.

    Args:
        title: above them.
        sounds: ``[samples]`` by name; each becomes 16-bit FLAC inside the page.
        sample_rate: in Hz.
    """
    return str(_macros().players(title, _encoded(sounds, sample_rate)))


def players_cell(title: str, sounds: dict[str, np.ndarray], sample_rate: int) -> Markup:
    """Return players as a table cell, below a title. Its type tells :func:`table` that it is HTML already.

    Args:
        title: above them.
        sounds: ``[samples]`` by name; each becomes 16-bit FLAC inside the page.
        sample_rate: in Hz.
    """
    return _macros().players_cell(title, _encoded(sounds, sample_rate))


def _encoded(sounds: dict[str, np.ndarray], sample_rate: int) -> list[tuple[str, str]]:
    encoded = []
    for name, audio in sounds.items():
        packed = io.BytesIO()
        soundfile.write(packed, np.clip(audio, -1, 1), sample_rate, format="FLAC", subtype="PCM_16")
        encoded.append((name, _base64(packed.getvalue())))
    return encoded


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
