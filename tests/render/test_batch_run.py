"""A batch in its output folder: what is done stays done, what is missing is made, and nothing else is touched."""

import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest

from plugin_backend.errors import DiskFullError, OutputError
from render.batch import BatchPlan, Event, Job, Policy, Pool, plan_batch, read_jobs, run_batch
from render.batch import planning as batch_planning
from render.batch.engine import Outcome
from render.batch.journal import MOVING, WAITING, Row, open_journal
from render.batch.lock import locked
from render.batch.log import JsonLog
from render.batch.planning import Planned
from render.batch.recovery import rows_of as rows_to_put
from render.delivery.deliver import deliver
from render.plan import make_plan, read_sheet

ROOT = Path(__file__).parents[2]
QUICK = Policy(retries=2, backoff_s=0.05)


class Kept(Pool):
    """A pool that goes on to the next batch, for its worker is warm."""

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def pool():
    kept = Kept(1)
    yield kept
    Pool.close(kept)


@pytest.fixture
def run(tmp_path, pool):
    """Plans and runs a jobs file into ``tmp_path/out``; answers the result and the events."""

    def go(jobs: Path, workers: int = 1, policy: Policy = QUICK, **options):
        events, engine = [], pool if workers == 1 else Pool(workers)
        plan = plan_batch(read_jobs(jobs), tmp_path / "out")
        result = run_batch(plan, tmp_path / "out", engine, policy=policy, listen=events.append, **options)
        return result, [(event.kind, event.job, event.told) for event in events if event.kind != "progress"]

    return go


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def stems_of(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in files_of(folder).items() if name.endswith(".wav")}


def rows_of(out: Path, columns: str = "name, state") -> dict:
    with closing(sqlite3.connect(out / "batch.sqlite")) as journal:
        return dict(journal.execute(f"SELECT {columns} FROM jobs"))


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


def with_plugin(folder: Path, path: Path) -> dict:
    effects = f'effects = [{{ type = "plugin", path = "{path}" }}]'
    (folder / f"{path.stem}.toml").write_text(
        f'schema = 1\n[[stems]]\nname = "ROOM"\n[[stems]]\nname = "FEET"\n{effects}\n'
    )
    return {"name": path.stem, "cues": "reel0.csv", "project": f"{path.stem}.toml"}


def test_a_plugin_that_crashes_is_tried_once_alone_and_named(write_batch, run, poison, tmp_path):
    jobs = write_batch(1, (with_plugin(tmp_path, poison(1)), with_plugin(tmp_path, poison(0))))
    result, events = run(jobs, workers=2, policy=Policy(retries=9, backoff_s=0))
    assert sorted(result.done) == ["poison0", "reel-00"]
    cause = f"the process rendering FEET with the plug-in {poison(1)} crashed (SIGSEGV)"
    assert result.failed == {"poison1": cause}
    assert [kind for kind, job, _ in events if job == "poison1"] == ["start", "retry", "start", "failed"]
    last_start = max(index for index, event in enumerate(events) if event[:2] == ("start", "poison1"))
    assert all(event[1] in ("poison1", "") for event in events[last_start:])  # alone, after all others
    assert not (tmp_path / "out" / "poison1").exists()


def test_a_plugin_that_hangs_is_killed_and_named(write_batch, run, poison, tmp_path):
    jobs = write_batch(1, (with_plugin(tmp_path, poison(2)),))
    result, _ = run(jobs, hang_s=3.0, policy=Policy(retries=0))
    cause = f"the process rendering ROOM, FEET with the plug-in {poison(2)} hangs: nothing came for 3 s"
    assert (result.done, result.failed) == (["reel-00"], {"poison2": cause})


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


def test_a_damaged_journal_is_told(write_batch, run, tmp_path):
    jobs = write_batch(1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "batch.sqlite").write_bytes(b"not a journal" * 1000)
    with pytest.raises(OutputError, match="the journal cannot be used"):
        run(jobs)
    with closing(sqlite3.connect(tmp_path / "out" / "later.sqlite")) as later:
        later.execute("PRAGMA user_version = 9")
    os.replace(tmp_path / "out" / "later.sqlite", tmp_path / "out" / "batch.sqlite")
    with pytest.raises(OutputError, match="its schema is 9, ours 1"):
        run(jobs)


def test_a_journal_that_names_files_outside_is_refused(write_batch, run, tmp_path):
    jobs = write_batch(1)
    run(jobs)
    with closing(sqlite3.connect(tmp_path / "out" / "batch.sqlite")) as journal, journal:
        journal.execute("UPDATE outputs SET file = '../../jobs.csv' WHERE file LIKE '%report.json'")
    with pytest.raises(OutputError, match="outside its job's folder"):
        run(jobs)
    assert jobs.exists()


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("name", "../../elsewhere", "it names a job that may not be: '../../elsewhere'"),
        ("moment", "2026-11-31T00:00:00", "the journal is damaged: job 'reel-00': day is out of range"),
        ("state", "gone", "the journal is damaged: job 'reel-00': Invalid enum value 'gone'"),
    ],
)
def test_a_journal_whose_rows_may_not_be_is_refused(column, value, told, tmp_path):
    with open_journal(tmp_path) as journal:
        journal.put([Row(name="reel-00", key="k", state=MOVING, version=1, moment="2026-11-21T20:00:00")])
    with closing(sqlite3.connect(tmp_path / "batch.sqlite")) as journal, journal:
        journal.execute(f"UPDATE jobs SET {column} = ?", (value,))
    with pytest.raises(OutputError, match=re.escape(told)), open_journal(tmp_path):
        pass


def test_a_job_that_cannot_be_run_for_a_day_keeps_its_version_and_moment(tmp_path):
    row = Row(name="a", key="k", state=WAITING, version=3, moment="2026-11-21T20:00:00", attempts=2)
    plan = BatchPlan((Planned(Job("a", tmp_path, {}, ""), problem="the share is away"),), {})
    with open_journal(tmp_path) as journal:
        journal.put([row])
        assert list(rows_to_put(plan, journal)) == [
            msgspec.structs.replace(row, state="failed", kind="input", cause="the share is away")
        ]


def test_a_signal_within_a_write_of_the_journal_waits_until_it_is_whole(tmp_path):
    with open_journal(tmp_path) as journal:

        def interrupt(statement: str) -> None:
            if statement == "COMMIT":
                signal.raise_signal(signal.SIGINT)

        journal.attempt("2026-11-21T20:00:00.000+00:00", Outcome(name="reel-00"))
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
        journal._connection.set_trace_callback(interrupt)
        with pytest.raises(KeyboardInterrupt):
            journal.flush()
        journal._connection.set_trace_callback(None)
        signal.signal(signal.SIGINT, before)
        journal.flush()
        assert journal._connection.execute("SELECT count(*) FROM attempts").fetchone() == (1,)


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


class Unlucky(Pool):
    """A pool whose first worker is killed with its first order."""

    unlucky = True

    def submit(self, order) -> None:
        super().submit(order)
        if self.unlucky:
            os.kill(self._workers[0].process.pid, signal.SIGKILL)
        self.unlucky = False


def test_a_crash_after_a_kill_is_tried_again_like_any_first_crash(write_batch, poison, tmp_path):
    row, events = with_plugin(tmp_path, poison(1)), []
    plan = plan_batch(read_jobs(write_batch(0, (row,))), tmp_path / "out")
    result = run_batch(plan, tmp_path / "out", Unlucky(1), policy=QUICK, listen=events.append)
    told = [(event.kind, event.told.rpartition(" ")[2]) for event in events if event.kind in ("retry", "failed")]
    assert told == [("retry", "(SIGKILL)"), ("retry", "(SIGSEGV)"), ("failed", "(SIGSEGV)")]
    assert result.failed["poison1"].startswith("the process rendering FEET with")


def those_with(plugin: Path) -> dict[int, int]:
    """Processes that have loaded a plug-in → their parents."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(plugin) in (folder / "maps").read_text():
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def test_what_a_plugin_left_running_does_not_hide_that_its_worker_is_dead(write_batch, poison, tmp_path):
    plugin, left = poison(4), []

    def kill() -> None:
        while len(there := those_with(plugin)) < 2:
            time.sleep(0.02)
        left.extend(pid for pid, parent in there.items() if parent in there)
        os.kill(next(parent for parent in there.values() if parent not in there), signal.SIGKILL)

    plan = plan_batch(read_jobs(write_batch(0, (with_plugin(tmp_path, plugin),))), tmp_path / "out")
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    result = run_batch(plan, tmp_path / "out", Pool(1), policy=Policy(retries=0))
    killer.join()
    assert result.failed == {"poison4": "its worker was killed (SIGKILL)"}
    assert those_with(plugin).keys() == set(left)  # it is still there, and holds what its worker held
    os.kill(left[0], signal.SIGKILL)


def test_what_needs_a_part_not_installed_keeps_no_other_back(write_batch, run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "aaf2", None)
    (tmp_path / "edit.aaf").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8) + b"\x06\x0e\x2b\x34")
    result, _ = run(write_batch(1, ({"name": "edit", "cues": "edit.aaf"},)))
    assert (result.done, list(result.failed)) == (["reel-00"], ["edit"])
    assert 'pip install "pisada[aaf]"' in result.failed["edit"]


def test_what_a_report_killed_half_written_left_is_gone(write_batch, run, tmp_path):
    jobs, part = write_batch(1), tmp_path / "out" / ".batch.html.77.part"
    run(jobs)
    part.write_text("<!doctype")
    run(jobs)
    assert not part.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_an_interrupted_batch_goes_on_where_it_was(number, write_batch, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "studio", "batch", str(write_batch(4)), "--out", str(out), "--workers", "1"]
    process = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not any(out.glob("reel-*/report.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, number)  # as a terminal, or a service's manager, does
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "of 4 jobs are done; the same command goes on with the rest" in errors
    assert "Traceback" not in errors
    assert not (out / ".batch").exists()
    assert set(rows_of(out).values()) == {"done", "waiting"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "4 of 4 jobs done" in done.stderr


def test_a_log_cut_within_a_line_goes_on_with_the_next(write_batch, pool, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"kind":"begin","utc":"2026-')
    log = JsonLog(path)
    plan = plan_batch(read_jobs(write_batch(1)), tmp_path / "out")
    run_batch(plan, tmp_path / "out", pool, listen=log)
    log.close()
    lines = path.read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines[1:]] == ["begin", "start", "done", "end"]
    assert log.problem == ""


def test_a_log_the_disk_cut_within_a_line_goes_on_with_the_next(tmp_path):
    path, before = tmp_path / "events.jsonl", resource.getrlimit(resource.RLIMIT_FSIZE)
    log = JsonLog(path)
    log(Event("begin", "2026"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 9, before[1]))
    try:
        log(Event("start", "2026", "lost"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert log.problem == f"{path}: No space left on device"
    log(Event("done", "2026", "kept"))
    log.close()
    first, torn, last = path.read_text().splitlines()
    assert (json.loads(first)["kind"], len(torn), json.loads(last)["job"]) == ("begin", 9, "kept")
