"""The report of a batch: one HTML file that needs nothing else; failures first."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

import msgspec

from plugin_backend.files import replaced_when_whole
from render.batch.events import Result
from render.batch.journal import DONE, Row
from render.batch.planning import BatchPlan, Planned
from render.delivery.folder import told
from render.delivery.naming import picture_name, report_name
from render.project import Project

NAME = "batch.html"
MOST_PICTURE_BYTES, MOST_REPORT_BYTES = 64 * 2**20, 2**28
COLUMNS = (
    ("integrated_lufs", "LUFS"),
    ("range_lu", "LRA"),
    ("true_peak_dbtp", "dBTP"),
    ("peak_dbfs", "peak dBFS"),
    ("clipped_samples", "clipped"),
)
STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1c2128;"
    "background:#fff}table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{text-align:left;"
    "padding:.25rem .6rem;border-bottom:1px solid #d9dde3;vertical-align:top}"
    ".levels :is(td,th):nth-child(n+3):nth-child(-n+7){text-align:right;font-variant-numeric:tabular-nums}"
    ".failed{color:#a40e26}td{overflow-wrap:anywhere}"
    "img{width:100%;border-radius:4px}details{margin:.4rem 0}summary{cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{color:#e0e1dd;background:#14171c}th,td{border-color:#2a2f38}"
    ".failed{color:#ff8f9d}}"
)


class _Stem(msgspec.Struct):
    integrated_lufs: float | None = None
    range_lu: float | None = None
    true_peak_dbtp: float | None = None
    peak_dbfs: float | None = None
    clipped_samples: int | None = None
    checks: list[dict] = []


class _Report(msgspec.Struct):
    stems: dict[str, _Stem]
    remarks: list[str] = []


def write_html(plan: BatchPlan, result: Result, out: Path) -> Path:
    """Write ``batch.html`` into ``out``: what failed and why, loudness of every stem, pictures of the first 64 MB.

    Raises:
        OutputError, DiskFullError: it cannot be written.
    """
    path = out / NAME
    try:
        with replaced_when_whole(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            file.writelines(_pieces(plan, result, out))
    except OSError as problem:
        raise told(problem, out) from problem
    return path


def _pieces(plan: BatchPlan, result: Result, out: Path) -> Iterator[str]:
    rows = result.rows
    whole = len(result.done) + len(result.before)
    yield (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Batch: {whole} of {len(plan.jobs)} done</title><style>{STYLE}</style>"
        f"<h1>{whole} of {len(plan.jobs)} jobs done</h1><p>{len(result.done)} in this run, {result.wall_s:.0f} s; "
        f"{len(result.before)} before it; {len(result.failed)} failed.</p>"
    )
    if result.behind:
        yield f'<p class="failed">The journal is behind: {escape(result.behind)}</p>'
    if result.failed:
        yield '<h2 class="failed">Failed</h2>' + _table(
            "failures", ("job", "attempts", "cause"), _failures(result, rows)
        )
    done = [planned for planned in plan.jobs if planned.job.name not in result.failed]
    row_of = {planned.job.name: rows.get(planned.job.name.casefold()) for planned in done}
    reports = {planned.job.name: _report(out, planned, row_of[planned.job.name]) for planned in done}
    header = ("job", "stem", *(title for _, title in COLUMNS), "checks")
    yield "<h2>Loudness</h2>" + _table("levels", header, _levels(reports))
    yield "<h2>Jobs</h2>"
    left = MOST_PICTURE_BYTES
    for planned in done:
        name = planned.job.name
        picture = _picture(out, planned, row_of[name], left)
        left -= len(picture)
        yield _details(planned, row_of[name], reports[name], picture)
    yield "</html>\n"


def _failures(result: Result, rows: dict[str, Row]) -> Iterator[tuple]:
    for name, cause in result.failed.items():
        row = rows.get(name.casefold())
        yield name, str(row.attempts if row else 0), cause


def _levels(reports: dict[str, _Report | None]) -> Iterator[tuple]:
    for name, report in reports.items():
        for stem, levels in (report.stems if report else {}).items():
            warned = [f"{line.get('what')}: {line.get('measured')}" for line in levels.checks if _warns(line)]
            cells = (getattr(levels, column) for column, _ in COLUMNS)
            yield name, stem, *("–" if cell is None else f"{cell:g}" for cell in cells), "; ".join(warned) or "pass"


def _warns(line: dict) -> bool:
    return line.get("verdict") == "warn"


def _table(kind: str, header: tuple[str, ...], rows: Iterator[tuple]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="{kind}"><tr>{head}</tr>{body}</table>'


def _details(planned: Planned, row: Row | None, report: _Report | None, picture: str) -> str:
    name, cost = escape(planned.job.name), planned.cost
    speed = f", {cost.programme_s / row.wall_s:.1f} × real time" if row and row.wall_s else ""
    took = f"{row.wall_s:.1f} s{speed}, attempt {row.attempts}, version {row.version}" if row and row.wall_s else ""
    told_of = "".join(f"<li>{escape(remark)}</li>" for remark in (report.remarks if report else ()))
    image = f'<img alt="{name}: waveforms and cues" src="data:image/png;base64,{picture}">' if picture else ""
    return (
        f"<details><summary>{name}: {cost.cues} cues, {cost.programme_s:.1f} s of programme</summary>"
        f"<p>{took}</p><ul>{told_of}</ul>{image}</details>"
    )


def _read(out: Path, planned: Planned, row: Row | None, named: Callable[[Project, int], str], most_bytes: int) -> bytes:
    """A file that a job left, if it is there and not too large; else nothing."""
    if row is None or row.state != DONE:
        return b""
    path = out / row.name / named(planned.project, row.version)
    try:
        return path.read_bytes() if path.stat().st_size <= most_bytes else b""
    except OSError:
        return b""


def _report(out: Path, planned: Planned, row: Row | None) -> _Report | None:
    try:
        return msgspec.json.decode(_read(out, planned, row, report_name, MOST_REPORT_BYTES), type=_Report)
    except msgspec.MsgspecError:
        return None


def _picture(out: Path, planned: Planned, row: Row | None, left_bytes: int) -> str:
    return base64.b64encode(_read(out, planned, row, picture_name, left_bytes * 3 // 4)).decode("ascii")
