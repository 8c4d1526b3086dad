"""The order of jobs: by length, by wait time, and alone."""

from pathlib import Path

from render.batch import Policy
from render.batch.jobs.job import Job
from render.batch.planning import Cost, Planned
from render.batch.retry_queue import Queue, Retry


def job(name: str, seconds: float) -> Planned:
    return Planned(Job(name, Path("x"), {}, ""), cost=Cost(1, 1.0, 1.0, seconds, 1))


def test_the_longest_job_is_first_and_no_more_run_than_slots():
    queue = Queue([job("short", 1), job("long", 9), job("middle", 5)])
    assert [queue.take(0.0, running, 2).job.name for running in (0, 1)] == ["long", "middle"]
    assert queue.take(0.0, 2, 2) is None
    assert (queue.take(0.0, 1, 2).job.name, len(queue)) == ("short", 0)


def test_a_retry_waits_for_its_time_and_an_alone_retry_for_all_others():
    queue, lonely, other = Queue([]), job("lonely", 9), job("other", 1)
    queue.again(lonely, Retry(4.0, alone=True), now=10.0)
    queue.again(other, Retry(5.0, alone=False), now=10.0)
    assert (queue.wait_s(10.0, 60.0), queue.wait_s(14.5, 60.0), queue.wait_s(10.0, 0.5)) == (4.0, 0.5, 0.5)
    assert queue.take(14.5, 0, 2) is None  # it is due, and the other is still to come
    assert queue.take(15.0, 0, 2) is other
    assert queue.take(15.0, 1, 2) is None
    assert queue.take(15.0, 0, 2) is lonely
    queue.again(lonely, Retry(4.0, alone=True), now=15.0)
    assert queue.take(18.9, 0, 2) is None
    assert queue.take(19.0, 0, 2) is lonely


def test_retries_are_counted_and_wait_twice_as_long_each_time():
    policy = Policy(retries=3, backoff_s=2.0)
    assert [policy.after("killed", count) for count in (1, 2, 3, 4)] == [
        Retry(2.0, alone=False), Retry(4.0, alone=False), Retry(8.0, alone=True), None,
    ]  # fmt: skip
    assert Policy(retries=20, backoff_s=2.0).after("transient", 12) == Retry(300.0, alone=False)
    assert (policy.after("input", 1), policy.after("crash", 1), policy.after("crash", 2)) == (
        None,
        Retry(0.0, True),
        None,
    )
