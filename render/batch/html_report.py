"""The report of a batch: one HTML file without other files. Failures come first, then warnings.

The template escapes every text, so a file name such as ``<script>`` stays plain text.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from plugin_backend.exactness import ComputeInfo
from plugin_backend.output_files import disk_error, write_atomically
from plugin_backend.text import escape_unprintable
from render.batch.event_log import Result
from render.batch.journal import DONE, Row
from render.batch.planning import BatchPlan, Planned
from render.delivery.file_names import plot_name, report_name
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

TEMPLATE = """\
{%- macro table(kind, header, rows) -%}
<table class="{{ kind }}"><tr>{% for title in header %}<th>{{ title }}</th>{% endfor %}</tr>
{%- for class, cells in rows -%}
<tr{% if class %} class="{{ class }}"{% endif %}>{% for cell in cells %}<td>{{ cell }}</td>{% endfor %}</tr>
{%- endfor %}</table>
{%- endmacro -%}
<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Batch: {{ whole }} of {{ total }} done</title><style>{{ style|safe }}</style>
<h1>{{ whole }} of {{ total }} jobs done</h1>
<p>{{ result.done|length }} in this run, {{ "%.0f"|format(result.wall_s) }} s;
{{ result.already_done|length }} before it;
{{ result.failed|length }} failed.</p>
{% if result.journal_problem %}<p class="failed">The journal is behind: {{ result.journal_problem }}</p>{% endif %}
{% if warned %}<p class="warn">{{ mark }} {{ warning_count }}: see below</p>{% endif %}
{% if failures %}<h2 class="failed">Failed</h2>
{{- table("failures", ["job", "attempts", "cause"], failures) }}{% endif %}
{% if warned %}<h2 class="warn">{{ mark }} Warnings</h2>
{{- table("warnings", ["job", "stem", "warning"], warned) }}{% endif %}
<h2>Loudness</h2>{{ table("levels", ["job", "stem"] + titles + ["checks"], levels) }}
<h2>Jobs</h2>
{% for job in details -%}
<details><summary>{{ job.name }}: {{ job.size }}
{%- if job.warnings %}, <span class="warn">{{ mark }} {{ job.warning_count }}</span>{% endif %}</summary>
<p>{{ job.took }}</p><ul>
{%- for stem, line in job.warnings %}<li class="warn">{{ mark }} {{ stem }}: {{ line }}</li>{% endfor -%}
{%- for remark in job.remarks %}<li>note: {{ remark }}</li>{% endfor -%}
{%- if job.computed %}<li>computed with {{ job.computed }}</li>{% endif %}</ul>
{%- if job.plot -%}
<img alt="{{ job.name }}: waveforms and cues" src="data:image/png;base64,{{ job.plot }}">
{%- endif %}</details>
{% endfor -%}
</html>
"""


class _Stem(msgspec.Struct):
    integrated_lufs: float | None = None
    range_lu: float | None = None
    true_peak_dbtp: float | None = None
    peak_dbfs: float | None = None
    clipped_samples: int | None = None
    checks: list[dict] = []

    @property
    def warnings(self) -> list[str]:
        """Return one line for each level that a check does not allow."""
        warned = (line for line in self.checks if line.get("verdict") == "warn")
        return [f"{line.get('what')}: {line.get('measured')} (allowed: {line.get('allowed')})" for line in warned]


class _Report(msgspec.Struct):
    stems: dict[str, _Stem]
    remarks: list[str] = []
    computed: ComputeInfo | None = None

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Return stem and line for each level that is not allowed."""
        return [(name, line) for name, stem in self.stems.items() for line in stem.warnings]


def write_html(plan: BatchPlan, result: Result, out: Path) -> Path:
    """Write ``batch.html`` into ``out``: failures and causes, the loudness of every stem, the first 64 MB of plots.

    Args:
        plan: the planned batch.
        result: its result.
        out: the output folder.

    Returns:
        The file.

    Raises:
        OutputError, DiskFullError: it cannot be written.
    """
    import jinja2

    page = jinja2.Environment(autoescape=True).from_string(TEMPLATE)
    path = out / NAME
    try:
        with write_atomically(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            file.writelines(map(escape_unprintable, page.generate(_facts(plan, result, out))))
    except OSError as problem:
        raise disk_error(problem, out) from problem
    return path


def _facts(plan: BatchPlan, result: Result, out: Path) -> dict[str, object]:
    """Return the template's variables. ``details`` reads one plot at a time."""
    rows = result.rows
    done = [planned for planned in plan.jobs if planned.job.name not in result.failed]
    row_of = {planned.job.name: rows.get(planned.job.name.casefold()) for planned in done}
    reports = {planned.job.name: _report(out, planned, row_of[planned.job.name]) for planned in done}
    warnings_of = {planned.job.name: _warnings(planned, reports[planned.job.name]) for planned in done}
    warned = [("warn", (name, *line)) for name, lines in warnings_of.items() for line in lines]
    jobs = len({cells[0] for _, cells in warned})

    def details() -> Iterator[dict[str, object]]:
        left = MOST_PICTURE_BYTES
        for planned in done:
            name = planned.job.name
            plot = _plot(out, planned, row_of[name], left)
            left -= len(plot)
            yield _details(planned, row_of[name], reports[name], plot)

    return {
        "style": STYLE,
        "mark": WARNING,
        "result": result,
        "whole": len(result.done) + len(result.already_done),
        "total": len(plan.jobs),
        "warned": warned,
        "warning_count": f"{_number(len(warned), 'warning')} in {_number(jobs, 'job')}",
        "failures": list(_failures(result, rows)),
        "titles": [title for _, title in COLUMNS],
        "levels": list(_levels(reports)),
        "details": details(),
    }


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


def _job_remarks(planned: Planned, report: _Report | None) -> list[str]:
    return [remark for remark in report.remarks if remark != planned.warning] if report else []


def _details(planned: Planned, row: Row | None, report: _Report | None, plot: str) -> dict[str, object]:
    """Return the facts about one job; ``plot`` is a PNG in base64, or empty."""
    cost, took = planned.cost_to_run(), ""
    if row and row.wall_s:
        speed = f"{cost.programme_s / row.wall_s:.1f} × real time"
        took = f"{row.wall_s:.1f} s, {speed}, attempt {row.attempts}, version {row.version}"
    warnings = _warnings(planned, report)
    return {
        "name": planned.job.name,
        "size": f"{cost.cues} cues, {cost.programme_s:.1f} s of programme",
        "took": took,
        "warnings": warnings,
        "warning_count": _number(len(warnings), "warning") if warnings else "",
        "remarks": _job_remarks(planned, report),
        "computed": str(report.computed) if report and report.computed else "",
        "plot": plot,
    }


def _job_file(
    out: Path, planned: Planned, row: Row | None, name: Callable[[Project, int], str], most_bytes: int
) -> bytes:
    """A file that a job left, if it is there and not too large; else nothing."""
    if row is None or row.state != DONE or planned.project is None:
        return b""
    path = out / row.name / name(planned.project, row.version)
    try:
        return path.read_bytes() if path.stat().st_size <= most_bytes else b""
    except OSError:
        return b""


def _report(out: Path, planned: Planned, row: Row | None) -> _Report | None:
    try:
        return msgspec.json.decode(_job_file(out, planned, row, report_name, MOST_REPORT_BYTES), type=_Report)
    except msgspec.MsgspecError:
        return None


def _plot(out: Path, planned: Planned, row: Row | None, left_bytes: int) -> str:
    return base64.b64encode(_job_file(out, planned, row, plot_name, left_bytes * 3 // 4)).decode("ascii")
