"""The HTML report of a batch: warnings are visible, and names are only text."""

from pathlib import Path

from render.batch.event_log import Result
from render.batch.html_report import write_html
from render.batch.jobs.job import Job
from render.batch.planning import BatchPlan, Cost, Planned

LATE = "the first cue lies 60 min after the programme's start"
COST = Cost(cues=3, cue_s=1.0, programme_s=10.0, seconds=1.0, bytes=1)


def planned(name: str, warning: str = "") -> Planned:
    return Planned(Job(name, Path("reel.csv"), {}, "row 2"), cost=COST, warning=warning)


def page_of(result: Result, *jobs: Planned, out: Path) -> str:
    return write_html(BatchPlan(jobs, {}), result, out).read_text(encoding="utf-8")


def test_a_warning_of_the_plan_is_in_the_report(tmp_path):
    result = Result(done=["late", "right"], wall_s=1.0)
    page = page_of(result, planned("late", LATE), planned("right"), out=tmp_path)
    message = LATE.replace("'", "&#39;")
    assert '<p class="warn">⚠ 1 warning in 1 job: see below</p>' in page
    assert f'<tr class="warn"><td>late</td><td>all</td><td>{message}</td></tr>' in page
    assert f'<li class="warn">⚠ all: {message}</li>' in page
    assert page.count('<span class="warn">') == 1


def test_names_and_causes_are_only_text(tmp_path):
    script = "<script>alert(1)</script>"
    result = Result(done=[script], failed={"b": script}, journal_problem=script)
    page = page_of(result, planned(script, script), planned("b"), out=tmp_path)
    assert "<script" not in page
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>" in page
    assert "<summary>&lt;script&gt;alert(1)&lt;/script&gt;: 3 cues, 10.0 s of programme" in page
