"""The HTML report of a batch: warnings are visible."""

from types import SimpleNamespace

from render.batch.html_report import write_html

LATE = "the first cue lies 60 min after the programme's start"


def test_a_warning_of_the_plan_is_in_the_report(tmp_path):
    cost = SimpleNamespace(cues=3, programme_s=10.0)
    jobs = [
        SimpleNamespace(job=SimpleNamespace(name=name), cost=cost, warning=warning)
        for name, warning in (("late", LATE), ("right", ""))
    ]
    result = SimpleNamespace(rows={}, done=["late", "right"], before=[], failed={}, behind="", wall_s=1.0)
    page = write_html(SimpleNamespace(jobs=jobs), result, tmp_path).read_text()
    message = LATE.replace("'", "&#x27;")
    assert '<p class="warn">⚠ 1 warning in 1 job: see below</p>' in page
    assert f'<tr class="warn"><td>late</td><td>all</td><td>{message}</td></tr>' in page
    assert f'<li class="warn">⚠ all: {message}</li>' in page
    assert page.count('<span class="warn">') == 1
