"""``pisada batch`` as a person meets it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from render.batch import read_jobs

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SHEET = "id,start,stem,preset\na,0.2,FEET,click\n"


def batch(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "studio", "batch", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path, impulse_bank):
    """A jobs file of one good job, and one whose name would be HTML and whose source is no audio."""
    (tmp_path / "one.csv").write_text(SHEET)
    (tmp_path / "bad<script>.csv").write_text("id,start,stem,source\na,0.2,FEET,<b>x.wav\n")
    (tmp_path / "<b>x.wav").write_bytes(b"no audio")
    (tmp_path / "jobs.toml").write_text(
        f'schema = 1\n[defaults]\nmodel = "pcm"\nbank = "{impulse_bank}"\nspec = "r128"\ntail_s = 0\n'
        '[[jobs]]\nname = "good"\ncues = "one.csv"\nshow = "A"\n'
        '[[jobs]]\nname = "wrong"\ncues = "bad<script>.csv"\nshow = "A"\n'
    )
    return tmp_path


def test_plan_writes_nothing(folder):
    message = batch(folder / "jobs.toml", "--out", folder / "out", "--plan")
    assert message.returncode == 1
    lines = message.stdout.splitlines()
    assert re.fullmatch(r"job\s+cues\s+programme\s+estimate\s+MB\s+state", lines[0])
    assert re.fullmatch(r"good\s+1\s+0:00:01\s+0:00:01\s+\d\.\d\s+new", lines[1])
    assert re.match(r"wrong\s+-\s+-\s+-\s+-\s+cannot be run: .*x.wav", lines[2])
    assert re.match(
        r"1 of 2 jobs to do: about 0:00:01 with \d+ workers \(from default costs; nothing is measured", lines[3]
    )
    assert not (folder / "out").exists()


def test_run_lists_failures_and_writes_report(folder):
    out = folder / "out"
    message = batch(folder / "jobs.toml", "--out", out, "--workers", 1, "--no-cache")
    assert message.returncode == 1
    assert message.stdout == f"{out / 'batch.html'}\n"
    assert "1 of 2 jobs done, 1 in this run" in message.stderr
    assert re.search(r"^failed: wrong: .*<b>x\.wav", message.stderr, re.MULTILINE)
    page = (out / "batch.html").read_text()
    assert page.index("&lt;b&gt;x.wav") < page.index("<h2>Loudness</h2>") < page.index("data:image/png;base64,")
    assert "<b>" not in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert re.search(r'<p class="warn">⚠ 1 warning in 1 job: see below</p>', page)  # r128's
    assert re.search(r'<h2 class="warn">⚠ Warnings</h2><table class="warnings"><tr>.*?</tr><tr class="warn">', page)
    line = r"integrated LUFS: -?[\d.]+ \(allowed: -23 ±0.5\)"
    assert re.search(rf"<td>good</td><td>FOLEY</td><td>{line}</td>", page)
    assert re.search(rf'<tr class="warn"><td>good</td><td>FOLEY</td>.*?<td>⚠ {line}</td></tr>', page)
    assert re.search(r"<tr><td>good</td><td>(?!FOLEY)\w+</td>.*?<td>pass</td></tr>", page)  # a stem has no target
    assert '<span class="warn">⚠ 1 warning</span></summary>' in page
    assert re.search(rf'<li class="warn">⚠ FOLEY: {line}</li>', page)
    kinds = [json.loads(line)["kind"] for line in (out / "batch.jsonl").read_text().splitlines()]
    assert kinds == ["begin", "failed", "start", "done", "end"]
    (folder / "jobs.toml").write_text((folder / "jobs.toml").read_text().replace("bad<script>.csv", "one.csv"))
    message = batch(folder / "jobs.toml", "--out", out, "--workers", 1, "--json-log", folder / "log.jsonl")
    assert message.returncode == 0
    assert "2 of 2 jobs done, 1 in this run" in message.stderr
    assert len((folder / "log.jsonl").read_text().splitlines()) == 4


def test_wrong_jobs_file_starts_nothing(folder):
    (folder / "jobs.toml").write_text('schema = 1\n[[jobs]]\nname = "../good"\ncues = "one.csv"\n')
    message = batch(folder / "jobs.toml", "--out", folder / "out")
    assert (message.returncode, message.stdout) == (2, "")
    assert "jobs.toml: '../good': a job's name is its folder's" in message.stderr
    assert not (folder / "out").exists()


def test_only_named_jobs_run(folder):
    message = batch(folder / "jobs.toml", "--out", folder / "out", "--workers", 1, "--only", "GOOD")
    assert message.returncode == 0
    assert "1 of 1 jobs done" in message.stderr
    message = batch(folder / "jobs.toml", "--out", folder / "out", "--only", "goood")
    assert (message.returncode, "jobs.toml: there is no job 'goood'" in message.stderr) == (2, True)


def test_template_has_absolute_paths_and_lists_unusable_jobs(folder):
    jobs = os.path.relpath(folder / "jobs.toml", ROOT)
    message = batch(jobs, "--out", folder / "out", "--openjd", folder / "farm")
    assert (message.returncode, message.stdout) == (1, f"{folder / 'farm' / 'template.json'}\n")
    assert re.search(r"^note: wrong: cannot be run: .*<b>x\.wav", message.stderr, re.MULTILINE)
    good, wrong = read_jobs(folder / "farm" / "parts" / "1.toml").jobs
    assert (good.name, wrong.name) == ("good", "wrong")
    assert good.cues.samefile(folder / "one.csv")
    assert not (folder / "out").exists()
    message = batch(jobs, "--out", folder / "out", "--openjd", folder / "farm", "--plan")
    assert (message.returncode, "--plan writes nothing" in message.stderr) == (2, True)


def test_results_are_printed_if_report_cannot_be_written(folder):
    (folder / "out" / "batch.html" / "mine").mkdir(parents=True)
    message = batch(folder / "jobs.toml", "--out", folder / "out", "--workers", 1)
    assert message.returncode == 2
    assert "1 of 2 jobs done, 1 in this run" in message.stderr
    assert "failed: wrong: " in message.stderr
    assert f"pisada: {folder / 'out'}: cannot write here" in message.stderr
