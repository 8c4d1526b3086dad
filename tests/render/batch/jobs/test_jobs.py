"""Jobs files: the jobs that they describe, and the errors of wrong ones."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from plugin_backend.errors import JobsError, OutputError, ProjectError
from render.batch import Jobs, plan_batch, read_jobs
from render.batch.jobs.job import MOST_JOBS

WHOLE = """
schema = 1
[defaults]
project = "show.toml"
fps = "24"
moment = 2026-11-21T20:00:00
[matrix]
name = "{reels}_{versions}"
[[matrix.reels]]
id = "r1"
cues = "sheets/r1.csv"
[[matrix.reels]]
id = "r2"
cues = "../r2.csv"
fps = "25"
[[matrix.versions]]
id = "en"
[[matrix.versions]]
id = "de"
take = 2
[[exclude]]
reels = "r2"
versions = "en"
[[jobs]]
name = "r1_de"
bits = 16
clips = true
[[jobs]]
name = "trailer"
cues = "trailer.csv"
model = "mine.safetensors"
"""


@pytest.fixture
def jobs_file(tmp_path):
    def write(text: str, name: str = "jobs.toml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_a_matrix_is_combined_overridden_and_reduced_by_exclusions(jobs_file):
    path = jobs_file(WHOLE)
    jobs = {job.name: job for job in read_jobs(path).jobs}
    assert list(jobs) == ["r1_en", "r1_de", "r2_de", "trailer"]
    folder, shared = path.parent, {"project": str(path.parent / "show.toml"), "moment": datetime(2026, 11, 21, 20)}
    assert jobs["r1_en"].fields == {**shared, "fps": "24", "cues": str(folder / "sheets/r1.csv")}
    assert jobs["r1_de"].fields == {**jobs["r1_en"].fields, "take": 2, "bits": 16, "clips": True}
    assert jobs["r2_de"].fields == {**shared, "fps": "25", "take": 2, "cues": str(folder / "../r2.csv")}
    assert jobs["trailer"].fields["model"] == str(folder / "mine.safetensors")
    assert jobs["r1_de"].moment == "2026-11-21T20:00:00"
    assert (jobs["r1_de"].clips, jobs["trailer"].clips) == (True, False)


def test_four_axes_are_named_in_their_order(jobs_file):
    axes = "".join(
        f'[[matrix.{axis}]]\nid = "{axis}1"\n[[matrix.{axis}]]\nid = "{axis}2"\n'
        for axis in ("projects", "banks", "versions", "reels")
    )
    jobs = read_jobs(jobs_file(f'schema = 1\n[defaults]\ncues = "c.csv"\n{axes}')).jobs
    assert len(jobs) == 16
    assert jobs[1].name == "reels1-versions1-banks1-projects2"


def test_a_csv_row_is_a_job(jobs_file):
    path = jobs_file("name,cues,fps,bits,pops,bank\na,a.csv,23.976,16,yes,woods\nB,b.csv,,,,\n", "jobs.csv")
    one, other = read_jobs(path).jobs
    folder = str(path.parent)
    assert one.fields == {
        "cues": f"{folder}/a.csv", "fps": "23.976", "bits": 16, "pops": True, "bank": [f"{folder}/woods"],
    }  # fmt: skip
    assert other.fields == {"cues": f"{folder}/b.csv"}
    assert (one.project().bits, one.project().show, other.project().bits) == (16, "a", 24)


def test_models_are_a_list_or_separated_by_semicolons_and_the_later_setting_wins(jobs_file):
    path = jobs_file('name,cues,models\na,a.csv,"foley; my/own.safetensors;"\nb,b.csv,\n', "jobs.csv")
    own = str(path.parent / "my/own.safetensors")
    assert [job.fields.get("models") for job in read_jobs(path).jobs] == [["foley", own], None]
    assert read_jobs(path).jobs[0].project().codecs == ("foley", own)
    path = jobs_file(
        'schema = 1\n[defaults]\ncues = "c.csv"\nmodels = ["foley", "pcm"]\n'
        '[[jobs]]\nname = "both"\n[[jobs]]\nname = "one"\nmodel = "pcm"\n'
    )
    both, one = read_jobs(path).jobs
    assert (both.project().codecs, one.project().codecs) == (("foley", "pcm"), ("pcm",))


def test_jobs_are_selected_by_name(jobs_file):
    jobs = read_jobs(jobs_file("name,cues\na,a.csv\nb,b.csv\nC,c.csv\n", "jobs.csv"))
    assert [job.name for job in jobs.only(("c", "a")).jobs] == ["a", "C"]
    with pytest.raises(JobsError, match=r"jobs.csv: there is no job 'd'"):
        jobs.only(("a", "d"))


def test_paths_are_absolute_from_any_working_folder(jobs_file, monkeypatch):
    path = jobs_file("name,cues\na,a.csv\n", "jobs.csv")
    monkeypatch.chdir(path.parent)
    assert read_jobs(Path("jobs.csv")).jobs == read_jobs(path).jobs


def test_a_path_that_is_no_utf8_is_refused(tmp_path):
    folder = tmp_path / os.fsdecode(b"reel-\xe9")
    folder.mkdir()
    (folder / "jobs.csv").write_text("name,cues\na,a.csv\n")
    with pytest.raises(JobsError, match=r"reel-.udce9/jobs.csv': needs a path in UTF-8"):
        read_jobs(folder / "jobs.csv")
    with pytest.raises(OutputError, match=r"reel-.udce9': a batch's folder needs a name in UTF-8"):
        plan_batch(Jobs(tmp_path / "jobs.csv", ()), folder)


def test_a_csv_of_too_many_jobs_is_not_read_to_its_end(jobs_file):
    rows = "".join(f"{number},a.csv\n" for number in range(MOST_JOBS + 1))
    with pytest.raises(JobsError, match="jobs.csv: more than 100000 jobs"):
        read_jobs(jobs_file(f"name,cues\n{rows}a,a.csv,of,wrong,cells\n", "jobs.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,cues,fps\n../a,a.csv,24\n", r"jobs.csv, row 2, column 'name': '../a': a job's name is its folder's"),
        ("name,cues,fps\na,a.csv,24\n\nbatch.x,a.csv,\n", "row 4, column 'name': 'batch.x'"),
        ("name,cues,fps\nCon.x,a.csv,24\n", "row 2, column 'name': 'Con.x'"),
        ("name,cues,fps\na.,a.csv,24\n", "row 2, column 'name'"),
        ("name,cues,fps\nä,a.csv,24\n", "row 2, column 'name'"),
        (
            "name,cues,bits\na,a.csv,20\n",
            "row 2, column 'bits': '20': Invalid enum value 20: 16, 24 or 32 can be used$",
        ),
        (
            "name,cues,spec\na,a.csv,x\n",
            "column 'spec': 'x': Invalid enum value 'x': a85, r128 or streaming-me can be used$",
        ),
        ("name,cues,seed\na,a.csv,-1\n", "row 2, column 'seed': '-1': Expected `int` >= 0"),
        ("name,cues,pops\na,a.csv,perhaps\n", "row 2, column 'pops': 'perhaps': yes or no"),
        ("name,cues,moment\na,a.csv,2026-01-01T00:00:00Z\n", "row 2, column 'moment'"),
        ("name,cues,colour\na,a.csv,red\n", "row 1, column 'colour': no such column; there are name, cues"),
        ("name,fps\na,24\n", "row 1: the header has no column 'cues'"),
        ("name,cues\na,\n", "row 2: no cue sheet"),
        ("name,cues\na,a.csv,24\n", "row 2: 3 cells under 2 columns"),
        ("name,cues\na,a.csv\nA,b.csv\n", r"row 3: 'A' is row 2 too \(capitals do not count\)"),
        ("name,cues,model,models\na,a.csv,pcm,foley\n", "row 2: 'model' and 'models' are both given"),
        ('name,cues,models\na,a.csv,"' + ";".join("m" * 65) + '"\n', "row 2, column 'models'.*length <= 64"),
        ('name,cues\n"a,a.csv\n', "row 2: not readable as CSV"),
        ("name,cues\n", "it holds no job"),
    ],
)
def test_errors_in_a_csv_name_row_and_column(text, message, jobs_file):
    with pytest.raises(JobsError, match=message):
        read_jobs(jobs_file(text, "jobs.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[jobs]]\nname = "a"\ncues = "c"\n', "missing required field `schema`"),
        ("schema = 2\n", "Invalid enum value 2"),
        ("schema = 1\n[defaults]\nbit = 16\n", r"unknown field `bit` - at `\$.defaults`"),
        ("schema = 1\n[defaults]\nbits = 20\n", r"value 20 - at `\$.defaults.bits`: 16, 24 or 32 can be used$"),
        ('schema = 1\n[[jobs]]\nname = "a"\nbits = 20\n', r"jobs\[0\].bits` of 'a': 16, 24 or 32 can be used$"),
        ('schema = 1\n[[jobs]]\nname = "a/b"\ncues = "c"\n', "'a/b': a job's name is its folder's"),
        ('schema = 1\n[[jobs]]\nname = "a"\ncues = "\\u0000"\n', r"\[\[jobs\]\] a: '.x00': a path holds no control"),
        ('schema = 1\n[[jobs]]\nname = "a"\ncues = "c"\nmodels = ["\\u001b[2J"]\n', "a path holds no control"),
        ('schema = 1\n[[jobs]]\nname = "a"\n', r"\[\[jobs\]\] a: no cue sheet"),
        ('schema = 1\n[[jobs]]\nname = "a"\n[[jobs]]\nname = "a"\n', "'a' is there twice"),
        ('schema = 1\n[[matrix.reels]]\nid = "a"\n[[matrix.reels]]\nid = "a"\n', "two have the same id"),
        ('schema = 1\n[[matrix.reels]]\nid = "a"\n[[exclude]]\nreels = "b"\n', "no such id"),
        ('schema = 1\n[[exclude]]\n', r"\[\[exclude\]\]: name one of reels"),
        ('schema = 1\n[matrix]\nname = "{reel}"\n[[matrix.reels]]\nid = "a"\ncues = "c"\n', "its fields are {reels}"),
        ("schema = 1\n", "it holds no job"),
    ],
)  # fmt: skip
def test_errors_in_a_toml_name_the_field(text, message, jobs_file):
    with pytest.raises((JobsError, ProjectError), match=message):
        read_jobs(jobs_file(text))


def test_a_matrix_too_large_is_refused_before_it_is_made(jobs_file):
    axes = "".join(f'[[matrix.{axis}]]\nid = "{n}"\n' for axis in ("reels", "versions", "banks") for n in range(100))
    with pytest.raises(JobsError, match="1000000 combinations; at most 100000"):
        read_jobs(jobs_file(f"schema = 1\n{axes}"))


def test_another_kind_of_file_is_refused(jobs_file):
    with pytest.raises(JobsError, match="ends in .toml or .csv"):
        read_jobs(jobs_file("", "jobs.json"))
    with pytest.raises(JobsError, match="no such file|cannot be read|No such file"):
        read_jobs(jobs_file("", "x.csv").with_name("absent.csv"))
