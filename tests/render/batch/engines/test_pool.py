"""The worker pool: how a worker's end is reported, and workers that cannot be started."""

import os
import resource
import signal
import time
from datetime import datetime
from pathlib import Path

import pytest

from render.batch import Order, Pool
from render.project.project import Project


@pytest.fixture
def pool():
    pool = Pool(1)
    yield pool
    pool.close()


def order(folder: Path) -> Order:
    return Order(
        name="a", key="", cues=str(folder / "absent.csv"), project=Project(), stage=str(folder / "stage"),
        folder=str(folder / "a"), version=None, moment=datetime(2026, 11, 21),
    )  # fmt: skip


def outcome_of(pool: Pool):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if messages := pool.wait(0.5):
            return messages[0]
    raise AssertionError("nothing was said")


def test_a_worker_that_crashes_is_not_reported_as_killed(pool, tmp_path, capfd):
    pool.submit(order(tmp_path))
    assert (outcome_of(pool).kind, len(pool._workers)) == ("input", 1)
    worker = pool._workers[0]
    worker.order = order(tmp_path)
    worker.pipe.send_bytes(b"no order")
    outcome = outcome_of(pool)
    assert (outcome.kind, outcome.cause) == ("crash", "its worker died (exit status 1)")
    assert "DecodeError" in capfd.readouterr().err


def test_a_worker_ignores_signals_for_the_whole_group(pool, tmp_path):
    pool.submit(order(tmp_path))
    process = pool._workers[0].process
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # while it starts, and later
        os.kill(process.pid, number)
    assert outcome_of(pool).kind == "input"
    assert process.is_alive()


def test_a_worker_that_cannot_be_started_fails_its_order_and_not_the_batch(pool, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(handle) for handle in os.listdir("/proc/self/fd"))
    fillers = [os.open(os.devnull, os.O_RDONLY) for _ in range(highest)]  # no gap below the limit
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(fillers) + 1, limits[1]))
        pool.submit(order(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for filler in fillers:
            os.close(filler)
    outcome = pool.wait(0)[0]
    assert (outcome.kind, outcome.cause) == ("killed", "no worker could be started (Too many open files)")
    pool.submit(order(tmp_path))
    assert outcome_of(pool).kind == "input"
