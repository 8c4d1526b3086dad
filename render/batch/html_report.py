"""The report of a batch: one HTML file that needs nothing else; failures first, then warnings."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from html import escape
from pathlib import Path

import msgspec

from plugin_backend.exactness import ComputeInfo
from plugin_backend.output_files import disk_error, write_atomically
from plugin_backend.text import escape_unprintable
from render.batch.event_log import Result
from render.batch.journal import DONE, Row
from render.batch.planning import BatchPlan, Planned
from render.delivery.file_names import picture_name, report_name
from render.project.project import Project

NAME, WARNING = "batch.html", "⚠"
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
    ".warn{background:#fff3cd;color:#5c3d00}h2.warn,p.warn{padding:.3rem .6rem;border-left:.3rem solid #e0a100}"
    "li.warn{margin:.15rem 0;padding:.1rem .4rem}"
    "img{width:100%;border-radius:4px}details{margin:.4rem 0}summary{cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{color:#e0e1dd;background:#14171c}th,td{border-color:#2a2f38}"
    ".failed{color:#ff8f9d}.warn{background:#3d2f00;color:#ffd866}}"
)


class _Stem(msgspec.Struct):
    integrated_lufs: float | None = None
    range_lu: float | None = None
    true_peak_dbtp: float | None = None
    peak_dbfs: float | None = None
    clipped_samples: int | None = None
    checks: list[dict] = []

    @property
    def warnings(self) -> list[str]:
        """What a check does not allow, a line each."""
        warned = (line for line in self.checks if line.get("verdict") == "warn")
        return [f"{line.get('what')}: {line.get('measured')} (allowed: {line.get('allowed')})" for line in warned]


class _Report(msgspec.Struct):
    stems: dict[str, _Stem]
    remarks: list[str] = []
    computed: ComputeInfo | None = None

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Stem and level that is not allowed, in a line."""
        return [(name, line) for name, stem in self.stems.items() for line in stem.warnings]


def write_html(plan: BatchPlan, result: Result, out: Path) -> Path:
    """Write ``batch.html`` into ``out``: what failed and why, loudness of every stem, pictures of the first 64 MB.

    Raises:
        OutputError, DiskFullError: it cannot be written.
    """
    path = out / NAME
    try:
        with write_atomically(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            file.writelines(map(escape_unprintable, _pieces(plan, result, out)))
    except OSError as problem:
        raise disk_error(problem, out) from problem
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
    done = [planned for planned in plan.jobs if planned.job.name not in result.failed]
    row_of = {planned.job.name: rows.get(planned.job.name.casefold()) for planned in done}
    reports = {planned.job.name: _report(out, planned, row_of[planned.job.name]) for planned in done}
    told_of = {planned.job.name: _warnings(planned, reports[planned.job.name]) for planned in done}
    warned = [("warn", (name, *line)) for name, lines in told_of.items() for line in lines]
    if warned:
        jobs = len({cells[0] for _, cells in warned})
        yield f'<p class="warn">{WARNING} {_number(len(warned), "warning")} in {_number(jobs, "job")}: see below</p>'
    if result.failed:
        yield '<h2 class="failed">Failed</h2>' + _table(
            "failures", ("job", "attempts", "cause"), _failures(result, rows)
        )
    if warned:
        yield f'<h2 class="warn">{WARNING} Warnings</h2>' + _table("warnings", ("job", "stem", "warning"), warned)
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


def _warnings(planned: Planned, report: _Report | None) -> list[tuple[str, str]]:
    """Stem, or what is said of all of them, and what may not be meant so, in a line."""
    of_all = [("all", planned.warning)] if planned.warning else []
    return [*of_all, *(report.warnings if report else ())]


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _failures(result: Result, rows: dict[str, Row]) -> Iterator[tuple[str, tuple]]:
    for name, cause in result.failed.items():
        row = rows.get(name.casefold())
        yield "", (name, str(row.attempts if row else 0), cause)


def _levels(reports: dict[str, _Report | None]) -> Iterator[tuple[str, tuple]]:
    for name, report in reports.items():
        for stem, levels in (report.stems if report else {}).items():
            cells = (getattr(levels, column) for column, _ in COLUMNS)
            numbers = ("–" if cell is None else f"{cell:g}" for cell in cells)
            remark = f"{WARNING} {'; '.join(levels.warnings)}" if levels.warnings else "pass"
            yield "warn" * bool(levels.warnings), (name, stem, *numbers, remark)


def _table(kind: str, header: tuple[str, ...], rows: Iterable[tuple[str, tuple]]) -> str:
    """A table of class ``kind``; each row is its own class, or none, and its cells."""
    head = "".join(f"<th>{escape(title)}</th>" for title in header)
    body = ((name, "".join(f"<td>{escape(cell)}</td>" for cell in row)) for name, row in rows)
    lines = (f'<tr class="{name}">{cells}</tr>' if name else f"<tr>{cells}</tr>" for name, cells in body)
    return f'<table class="{kind}"><tr>{head}</tr>{"".join(lines)}</table>'


def _remarks(planned: Planned, report: _Report | None) -> list[str]:
    return [remark for remark in report.remarks if remark != planned.warning] if report else []


def _details(planned: Planned, row: Row | None, report: _Report | None, picture: str) -> str:
    name, cost = escape(planned.job.name), planned.cost
    speed = f", {cost.programme_s / row.wall_s:.1f} × real time" if row and row.wall_s else ""
    took = f"{row.wall_s:.1f} s{speed}, attempt {row.attempts}, version {row.version}" if row and row.wall_s else ""
    warnings = _warnings(planned, report)
    lines = [f'<li class="warn">{WARNING} {escape(stem)}: {escape(line)}</li>' for stem, line in warnings]
    lines += [f"<li>note: {escape(remark)}</li>" for remark in _remarks(planned, report)]
    if report and report.computed:
        lines.append(f"<li>computed with {escape(str(report.computed))}</li>")
    mark = f', <span class="warn">{WARNING} {_number(len(warnings), "warning")}</span>' if warnings else ""
    image = f'<img alt="{name}: waveforms and cues" src="data:image/png;base64,{picture}">' if picture else ""
    return (
        f"<details><summary>{name}: {cost.cues} cues, {cost.programme_s:.1f} s of programme{mark}</summary>"
        f"<p>{took}</p><ul>{''.join(lines)}</ul>{image}</details>"
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
