"""A log that loses nothing it has acknowledged: cut anywhere, damaged anywhere, on a full disk."""

import os
import resource
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend.durable_log import DurableLog
from plugin_backend.errors import DiskFullError, OutputError


def written(path, records, kind="test 1"):
    log = DurableLog.open(path, kind)
    log.append(records)
    log.close()


def read(path, kind="test 1"):
    log = DurableLog.open(path, kind)
    log.close()
    return log


def test_records_come_back_and_more_can_follow(tmp_path):
    path = tmp_path / "a.log"
    written(path, [{"n": 1}, {"n": "ü"}])
    written(path, [{"n": 3}])
    assert read(path).records == [{"n": 1}, {"n": "ü"}, {"n": 3}] and not read(path).findings


@given(cut=st.integers(0, 400), flip=st.integers(0, 400))
def test_a_damaged_tail_is_cut_and_said(tmp_path_factory, cut, flip):
    path = tmp_path_factory.mktemp("log") / "a.log"
    records = [{"n": number} for number in range(12)]
    written(path, records)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    cut, flip = first + cut % (len(whole) - first), first + flip % (len(whole) - first)
    path.write_bytes(whole[:cut])
    log = read(path)
    assert log.records == records[: whole[first:cut].count(b"\n")]
    assert bool(log.findings) == (cut > first and whole[cut - 1 : cut] != b"\n")
    damaged = bytearray(whole)
    damaged[flip] ^= 1
    path.write_bytes(damaged)
    log = read(path)
    assert log.records == records[: whole[first:flip].count(b"\n")] and "cut off" in log.findings[0]
    assert any(entry.suffix == ".damaged" for entry in path.parent.iterdir())
    written(path, [{"n": "on"}])
    assert read(path).records[-1] == {"n": "on"} and not read(path).findings


def test_what_is_no_log_is_left_as_it_is(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"a letter to my mother\n")
    with pytest.raises(OutputError, match="first line is damaged"):
        DurableLog.open(path, "test 1")
    assert path.read_bytes() == b"a letter to my mother\n"
    path.unlink()
    written(path, [{"n": 1}])
    with pytest.raises(OutputError, match="no log of other 1"):
        DurableLog.open(path, "other 1")
    assert read(path).records == [{"n": 1}]


def test_two_processes_never_share_a_log(tmp_path):
    log = DurableLog.open(tmp_path / "a.log", "test 1")
    with pytest.raises(OutputError, match="another process has it open"):
        DurableLog.open(tmp_path / "a.log", "test 1")
    log.close()
    assert read(tmp_path / "a.log").records == []


def test_a_full_disk_takes_back_the_whole_append(tmp_path):
    log = DurableLog.open(tmp_path / "a.log", "test 1")
    log.append([{"n": 1}])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(log.path) + 20, hard))
        with pytest.raises((OutputError, DiskFullError)):
            log.append([{"n": 2}, {"n": "x" * 100}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.append([{"n": 3}])
    log.close()
    assert read(log.path).records == [{"n": 1}, {"n": 3}]


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    """A process that writes numbers and prints each after it is on disk is killed in the middle."""
    code = (
        "import sys, pathlib\nfrom plugin_backend.durable_log import DurableLog\n"
        "log = DurableLog.open(pathlib.Path(sys.argv[1]), 'test 1')\n"
        "for n in range(10**6):\n    log.append([n])\n    print(n, flush=True)\n"
    )
    path = tmp_path / "a.log"
    process = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if int(line) == 40:
            process.kill()
            break
    acknowledged = [40, *(int(line) for line in process.stdout if line.endswith("\n"))][-1]
    process.wait()
    records = read(path).records
    assert records == list(range(len(records))) and len(records) > acknowledged
