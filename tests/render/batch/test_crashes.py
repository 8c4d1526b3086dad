"""Batches whose plug-ins crash or hang, whose workers are killed, or that are interrupted."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from render.batch import Policy, Pool, plan_batch, read_jobs, run_batch
from tests.render.batch_runs import QUICK, rows_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


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


@pytest.mark.alone("on a busy machine other jobs would be taken for hung too")
def test_a_plugin_that_hangs_is_killed_and_named(write_batch, run, poison, tmp_path):
    jobs = write_batch(1, (with_plugin(tmp_path, poison(2)),))
    result, _ = run(jobs, policy=Policy(retries=0, hang_s=3.0))
    cause = f"the process rendering ROOM, FEET with the plug-in {poison(2)} hangs: nothing came for 3 s"
    assert (result.done, result.failed) == (["reel-00"], {"poison2": cause})


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
    expected = [(event.kind, event.message.rpartition(" ")[2]) for event in events if event.kind in ("retry", "failed")]
    assert expected == [("retry", "(SIGKILL)"), ("retry", "(SIGSEGV)"), ("failed", "(SIGSEGV)")]
    assert result.failed["poison1"].startswith("the process rendering FEET with")


def those_with(plugin: Path) -> dict[int, int]:
    """Processes that have loaded a plug-in → their parents."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(plugin) in (folder / "maps").read_text():
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def test_a_process_left_by_a_plugin_does_not_hide_a_dead_worker(write_batch, poison, tmp_path):
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_an_interrupted_batch_continues(number, write_batch, tmp_path):
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
