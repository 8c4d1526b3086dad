"""A batch as an Open Job Description template: valid by the reference model, and run by its command."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from plugin_backend.errors import OutputError
from render.batch import plan_batch, read_jobs
from render.batch.jobs.job import Job
from render.batch.jobs.openjd import TASK_JOBS, as_toml, parts_of, write_openjd
from render.batch.planning import Planned


@pytest.fixture
def jobs_file(tmp_path, impulse_bank, write_sheet) -> Path:
    """Four jobs of 1, 2, 3 and 4 cues, and one whose sheet is missing."""
    rows = [{"id": f"c{n}", "start": f"{n}.25", "stem": "FEET", "preset": "click"} for n in range(4)]
    for count in range(1, 5):
        write_sheet(rows[:count], f"cues{count}.csv")
    jobs = tmp_path / "jobs.csv"
    lines = [f"r{count},cues{count}.csv,24,pcm,{impulse_bank}" for count in range(1, 5)]
    jobs.write_text("\n".join(["name,cues,fps,model,bank", *lines, "gone,none.csv,24,pcm,"]) + "\n")
    return jobs


@pytest.fixture
def template(jobs_file, tmp_path) -> Path:
    plan = plan_batch(read_jobs(jobs_file), tmp_path / "out")
    return write_openjd(plan, tmp_path / "farm", tmp_path / "out", task_cues=4)


def names_in(part: Path) -> list[str]:
    return [job.name for job in read_jobs(part).jobs]


def test_tasks_have_about_equal_cues_and_every_job_is_in_one(template, tmp_path):
    cues = {"r1": 1, "r2": 2, "r3": 3, "r4": 4, "gone": 0}
    tasks = [names_in(part) for part in sorted((tmp_path / "farm" / "parts").iterdir())]
    assert sorted(name for task in tasks for name in task) == sorted(cues)
    assert sorted(sum(cues[name] for name in task) for task in tasks) == [3, 3, 4]


def test_no_task_has_too_many_jobs_for_its_file():
    groups = parts_of(tuple(Planned(Job(f"r{n}", Path("x"), {}, "")) for n in range(TASK_JOBS + 1)), 1)
    assert sorted(len(group) for group in groups) == [TASK_JOBS // 2, TASK_JOBS // 2 + 1]


def test_a_part_reads_as_the_jobs_it_was_made_of(tmp_path):
    fields = {
        "cues": str(tmp_path / 'a "quoted" \\ name.csv'),
        "show": "Näheté 😀",
        "note": "a\\b # = [c]",
        "seed": 12345678901,
        "tail_s": 1.5,
        "pops": True,
        "clips": False,
        "moment": datetime(2026, 11, 21, 1, 2, 3),
    }
    path = tmp_path / "part.toml"
    path.write_text(as_toml([Job("r1", Path(fields["cues"]), fields, ""), Job("r2", Path("/c"), {"cues": "/c"}, "")]))
    first, second = read_jobs(path).jobs
    assert (first.name, first.fields, first.cues) == ("r1", fields, Path(fields["cues"]))
    assert (second.name, second.fields) == ("r2", {"cues": "/c"})


def test_written_again_only_the_new_parts_are_there(template, jobs_file, tmp_path):
    plan = plan_batch(read_jobs(jobs_file), tmp_path / "out")
    assert write_openjd(plan, tmp_path / "farm", tmp_path / "out") == template
    assert [path.name for path in (tmp_path / "farm" / "parts").iterdir()] == ["1.toml"]
    assert json.loads(template.read_text())["steps"][0]["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "1"


def test_files_of_others_are_left_alone(template, jobs_file, tmp_path):
    (tmp_path / "farm" / "parts" / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="farm"):
        write_openjd(plan_batch(read_jobs(jobs_file), tmp_path / "out"), tmp_path / "farm", tmp_path / "out")
    assert (tmp_path / "farm" / "parts" / "mine.txt").read_text() == "keep"


def test_a_folder_that_cannot_be_written_is_named(jobs_file, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_openjd(plan_batch(read_jobs(jobs_file), tmp_path / "out"), tmp_path / "file" / "farm", tmp_path / "out")


def test_the_reference_model_takes_the_template(template):
    model = pytest.importorskip("openjd.model", reason="openjd-model is not installed (pip install openjd-cli)")
    decoded = model.decode_job_template(template=json.loads(template.read_text()))
    given = model.preprocess_job_parameters(
        job_template=decoded,
        job_parameter_values={},
        job_template_dir=template.parent,
        current_working_dir=template.parent,
    )
    job = model.create_job(job_template=decoded, job_parameter_values=given)
    tasks = list(model.StepParameterSpaceIterator(space=job.steps[0].parameterSpace))
    assert [task["Part"].value for task in tasks] == ["1", "2", "3"]


@pytest.mark.slow
def test_openjd_runs_it_and_a_second_run_does_only_what_is_missing(template, tmp_path):
    pytest.importorskip("openjd.cli", reason="openjd-cli is not installed (pip install openjd-cli)")
    starter = tmp_path / "pisada"
    starter.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m studio "$@"\n')
    starter.chmod(0o755)
    run = [sys.executable, "-m", "openjd", "run", str(template), "-p", f"Command={starter}"]

    def ran(part: str) -> subprocess.CompletedProcess:
        return subprocess.run([*run, "-tp", f"Part={part}"], capture_output=True, text=True, check=False)

    part_of = {name: path.stem for path in (tmp_path / "farm" / "parts").iterdir() for name in names_in(path)}
    whole = next(part for part in "123" if part != part_of["gone"])
    done = ran(whole)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in (name for name, part in part_of.items() if part == whole):
        assert len(list((tmp_path / "out" / f"part-{whole}" / name).glob("*FOLEY_*.wav"))) == 1
    again = ran(whole)
    assert again.returncode == 0
    assert "0 in this run" in again.stdout
    broken = ran(part_of["gone"])
    assert broken.returncode != 0
    assert "none.csv" in broken.stdout
