"""What a batch writes down as it goes, its journal and its log: whole, damaged, and cut short."""

import json
import os
import re
import resource
import signal
import sqlite3
from contextlib import closing

import msgspec
import pytest

from plugin_backend.errors import OutputError
from render.batch import BatchPlan, Event, Job, plan_batch, read_jobs, run_batch
from render.batch.engines.protocol import Outcome
from render.batch.event_log import JsonLog
from render.batch.journal import MOVING, WAITING, Row, open_journal
from render.batch.planning import Planned
from render.batch.recovery import job_rows as rows_to_put


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


def test_text_that_is_no_utf8_is_told_in_a_line_and_never_written(tmp_path):
    row = Row(name="a", state=WAITING, key="", version=0, moment="2026-01-01T00:00:00", began="then")
    row = msgspec.structs.replace(row, cause="out\udce9: refused")
    with open_journal(tmp_path) as journal:
        journal.attempt(row.began, Outcome(name="a", kind="input", cause="out\udce9"))
        assert journal.put([row])
    with open_journal(tmp_path) as journal:
        assert journal.rows["a"].cause == "out\\xe9: refused"
    with closing(sqlite3.connect(tmp_path / "batch.sqlite")) as journal, journal:
        journal.execute("UPDATE jobs SET cause = CAST(x'6f7574e9' AS TEXT)")
    with pytest.raises(OutputError, match="batch.sqlite: the journal cannot be used"), open_journal(tmp_path):
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
