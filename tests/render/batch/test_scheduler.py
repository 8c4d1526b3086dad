"""A batch in its output folder: what is done stays done, what is missing is made, and nothing else is touched."""

import os
import sys
from pathlib import Path

import pytest
from render.engine.make_plan import make_plan

from plugin_backend.errors import DiskFullError, OutputError, pip_command
from render.batch import Pool, plan_batch, read_jobs, run_batch
from render.batch import planning as batch_planning
from render.batch.output_lock import locked
from render.delivery.deliver import deliver
from render.plan.resolve import read_sheet
from tests.render.batch_runs import rows_of

pytestmark = pytest.mark.slow


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def stems_of(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in files_of(folder).items() if name.endswith(".wav")}


def test_a_batch_is_the_deliveries_of_its_jobs(write_batch, run, tmp_path):
    jobs = write_batch(2)
    result, _ = run(jobs, workers=2)
    assert (sorted(result.done), result.failed) == (["reel-00", "reel-01"], {})
    for job in read_jobs(jobs).jobs:
        project = job.project()
        plan = make_plan(project, read_sheet(job.cues, project))
        single = tmp_path / "single" / job.name
        deliver(plan, project, single, clips=job.clips, moment=job.fields["moment"])
        assert stems_of(tmp_path / "out" / job.name) == stems_of(single)
        assert files_of(tmp_path / "out" / job.name).keys() == files_of(single).keys()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "batch.lock",
        "batch.sqlite",
        *sorted(result.done),
    ]


def test_again_only_what_is_missing_or_changed_is_made(write_batch, run, tmp_path):
    jobs, out = write_batch(3), tmp_path / "out"
    run(jobs)
    before, reports = stems_of(out), files_of(out)
    result, events = run(jobs)
    assert (result.done, len(result.before), [kind for kind, *_ in events]) == ([], 3, ["begin", "end"])
    next((out / "reel-00").glob("*FEET*.wav")).unlink()
    changed = next((out / "reel-01").glob("*ROOM*.wav"))
    changed.write_bytes(b"a mixer's own")
    (out / "reel-02" / "notes.txt").write_text("kept")
    os.utime(next((out / "reel-02").glob("*ROOM*.wav")))  # touched, not changed
    result, events = run(jobs)
    assert sorted(result.done) == ["reel-00", "reel-01"]
    kept = out / "reel-01" / "changed" / f"1_{changed.name}"
    assert (
        "remark",
        "reel-01",
        f"reel-01/{changed.name} was changed by someone: kept as {kept.relative_to(out)}",
    ) in events
    assert kept.read_bytes() == b"a mixer's own"
    kept.unlink()
    assert stems_of(out) == before  # the same version, the same bytes
    assert files_of(out)["reel-02/DRY_R1_FOLEY_v001_report.json"] == reports["reel-02/DRY_R1_FOLEY_v001_report.json"]


def test_a_byte_flipped_in_place_is_found_when_asked_for(write_batch, run, tmp_path):
    jobs, out = write_batch(1), tmp_path / "out"
    run(jobs)
    stem = next((out / "reel-00").glob("*FEET*.wav"))
    state, whole = stem.stat(), stem.read_bytes()
    stem.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    os.utime(stem, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert plan_batch(read_jobs(jobs), out).todo == {}
    assert plan_batch(read_jobs(jobs), out, verify=True).todo == {"reel-00": f"{stem.name} is gone or changed"}
    run(jobs, verify=True)
    assert stem.read_bytes() == whole


def test_changed_inputs_make_the_next_version(write_batch, run, tmp_path):
    jobs, out = write_batch(2), tmp_path / "out"
    run(jobs)
    first = stems_of(out / "reel-01")
    sheet = tmp_path / "reel1.csv"
    sheet.write_text(sheet.read_text().replace(",-20\n", ",-14\n"))
    plan = plan_batch(read_jobs(jobs), out)
    assert plan.todo == {"reel-01": "what it is made of changed"}
    assert (plan.measured, plan.pace > 0) == (2, True)
    result, _ = run(jobs)
    assert result.done == ["reel-01"]
    stems = stems_of(out / "reel-01")
    assert first.items() <= stems.items()
    assert sorted(name.replace("v002", "v001") for name in stems.keys() - first.keys()) == sorted(first)


def test_every_file_bears_the_moment_of_the_first_planning(write_batch, run, tmp_path):
    from wavinfo import WavInfoReader

    jobs, out = write_batch(2), tmp_path / "out"
    jobs.write_text(
        jobs.read_text().replace("2026-11-21T20:00:00", "2001-02-03T04:05:06", 1).replace("2026-11-21T20:00:00", "")
    )
    run(jobs)
    info = WavInfoReader(str(next((out / "reel-00").glob("*FEET*.wav")))).bext
    assert (info.originator_date, info.originator_time) == ("2001-02-03", "04:05:06")
    stems = stems_of(out)
    for path in out.rglob("*.wav"):
        path.unlink()
    run(jobs)
    assert stems_of(out) == stems


def test_a_wrong_job_keeps_no_other_back(write_batch, run, tmp_path):
    more = ({"name": "absent", "cues": "nope.csv"}, {"name": "unknown", "cues": "reel0.csv", "project": "none.toml"})
    jobs = write_batch(1, more)
    result, _ = run(jobs)
    assert (result.done, set(result.failed)) == (["reel-00"], {"absent", "unknown"})
    assert result.failed["unknown"] == f"{tmp_path}/none.toml: No such file or directory"
    assert rows_of(tmp_path / "out") == {"reel-00": "done", "absent": "failed", "unknown": "failed"}
    (tmp_path / "nope.csv").write_bytes((tmp_path / "reel0.csv").read_bytes())
    result, _ = run(jobs)
    assert (result.done, set(result.failed)) == (["absent"], {"unknown"})


def test_two_runs_into_one_folder_are_one_too_many(write_batch, run, tmp_path):
    jobs = write_batch(1)
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out"), pytest.raises(OutputError, match="another batch is running into this folder"):
        run(jobs)
    assert run(jobs)[0].done == ["reel-00"]


def test_a_disk_too_small_is_refused_before_anything_begins(write_batch, tmp_path, monkeypatch):
    jobs, out = write_batch(3), tmp_path / "new" / "out"
    plan = plan_batch(read_jobs(jobs), out)
    assert plan.needed_bytes > 3 * 2 * 288_000 * 2
    monkeypatch.setattr(batch_planning, "free_bytes", lambda folder: plan.needed_bytes)
    with pytest.raises(DiskFullError, match=r"cannot hold the batch: 3 jobs need \d+ MB, \d+ MB are free"):
        run_batch(plan, out, Pool(1))
    assert not (tmp_path / "new" / "out" / "reel-00").exists()


def test_the_estimate_of_disk_holds(write_batch, run, tmp_path):
    jobs = write_batch(2)
    plan = plan_batch(read_jobs(jobs), tmp_path / "out")
    run(jobs)
    for planned in plan.jobs:
        made = sum(path.stat().st_size for path in (tmp_path / "out" / planned.job.name).rglob("*") if path.is_file())
        assert 0.5 * planned.cost.bytes < made <= planned.cost.bytes


def test_a_folder_in_the_place_of_a_file_is_kept_aside(write_batch, run, tmp_path):
    jobs, out = write_batch(1), tmp_path / "out"
    run(jobs)
    stems = stems_of(out)
    stem = next((out / "reel-00").glob("*FEET*.wav"))
    stem.unlink()
    stem.mkdir()
    (stem / "take.txt").write_text("a mixer's own")
    result, _ = run(jobs)
    assert (result.done, result.failed) == (["reel-00"], {})
    kept = out / "reel-00" / "changed" / f"1_{stem.name}"
    assert (kept / "take.txt").read_text() == "a mixer's own"
    assert stems_of(out).items() >= stems.items()


def test_another_moment_is_another_version(write_batch, run, tmp_path):
    jobs, out = write_batch(1), tmp_path / "out"
    run(jobs)
    first = stems_of(out)
    jobs.write_text(jobs.read_text().replace("2026-11-21T20:00:00", "2026-11-22T20:00:00"))
    assert run(jobs)[0].done == ["reel-00"]
    stems = stems_of(out)
    assert first.items() <= stems.items()
    assert len(stems) == 2 * len(first)
    assert all(b"2026-11-22" in stems[name] for name in stems.keys() - first.keys())


def test_a_job_renamed_in_its_capitals_goes_by_its_new_name(write_batch, run, tmp_path):
    jobs = write_batch(1)
    run(jobs)
    jobs.write_text(jobs.read_text().replace("reel-00", "REEL-00"))
    result, _ = run(jobs)
    assert result.rows["reel-00"].name == "REEL-00"
    assert files_of(tmp_path / "out" / "REEL-00").keys() == files_of(tmp_path / "out" / "reel-00").keys()


def test_what_needs_a_part_not_installed_keeps_no_other_back(write_batch, run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "aaf2", None)
    (tmp_path / "edit.aaf").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8) + b"\x06\x0e\x2b\x34")
    result, _ = run(write_batch(1, ({"name": "edit", "cues": "edit.aaf"},)))
    assert (result.done, list(result.failed)) == (["reel-00"], ["edit"])
    assert pip_command("aaf") in result.failed["edit"]


def test_what_a_report_killed_half_written_left_is_gone(write_batch, run, tmp_path):
    jobs, part = write_batch(1), tmp_path / "out" / ".batch.html.77.part"
    run(jobs)
    part.write_text("<!doctype")
    run(jobs)
    assert not part.exists()
