"""A batch killed at twenty random moments, with a full disk in between, leaves the files of an undisturbed one."""

import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[3]
JOBS, KILLS = 28, 20


def command(jobs: Path, out: Path) -> list[str]:
    flags = ["--workers", "2", "--retries", "8", "--backoff", "0.2", "--hang-after", "20"]
    return [sys.executable, "-m", "studio", "batch", str(jobs), "--out", str(out), *flags]


def processes_of(session: int) -> dict[int, int]:
    """Living processes of a session → their parents, read from /proc."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found[int(status.parent.name)] = int(fields[1])
    return found


def gone(session: int) -> bool:
    deadline = time.monotonic() + 60
    while processes_of(session):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 192 MB, or, without the right to mount one, a folder; and whether it is small."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    small = bool(mounted) and mounted.returncode == 0
    yield folder, small
    if small:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Disturbed:
    """Runs a batch again and again, and kills."""

    def __init__(self, jobs: Path, out: Path, seed: int):
        self.command, self.out, self.random = command(jobs, out), out, random.Random(seed)
        self.process, self.killed = None, {"parent": 0, "worker": 0}

    def start(self) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, env=environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def below(self) -> list[int]:
        """Its workers, and the render processes below them."""
        found = []
        for pid in processes_of(self.process.pid):
            with suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return sorted(found)

    def done(self) -> int:
        return len(list(self.out.glob("reel-*/report.json")))

    def kill_someone(self, when_done: int) -> None:
        """Once so many jobs are done, and a random while later, SIGKILL the parent or one of the processes below."""
        deadline = time.monotonic() + 300
        while True:
            if self.process is not None and self.process.poll() is not None:
                self.end()
            if self.process is None:
                self.start()
            if self.done() >= when_done:
                break
            assert time.monotonic() < deadline, "the batch does not go on"
            time.sleep(0.02)
        time.sleep(self.random.uniform(0.0, 1.2))
        below = self.below()
        if below and self.random.random() < 0.65:
            with suppress(ProcessLookupError):
                os.kill(self.random.choice(below), signal.SIGKILL)
            self.killed["worker"] += 1
        else:
            self.process.kill()
            self.killed["parent"] += 1
            self.end()

    def meet_a_full_disk(self) -> None:
        """Go on a while with what runs, then begin anew, which is refused."""
        if self.process is not None:
            time.sleep(2.0)
            self.process.kill()
            self.end()
        self.start()
        assert "the disk cannot hold the batch" in self.end()

    def end(self) -> str:
        """Wait for its end and return its standard error."""
        stderr = self.process.communicate(timeout=300)[1]
        assert gone(self.process.pid), "a process outlived its batch"
        self.status, self.process = self.process.returncode, None
        return stderr


def fill(file: Path) -> None:
    """Take all that the disk has left."""
    with suppress(OSError), open(file, "wb", buffering=0) as hog:
        while hog.write(bytes(4096)):
            pass


def stems_of(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*.wav"))}


@pytest.mark.slow
@pytest.mark.alone("it kills by the clock, and has two workers of its own")
def test_twenty_kills_a_full_disk_and_a_crashing_plugin_change_no_byte(write_batch, poison, small_disk, tmp_path):
    disk, small = small_disk
    audio = np.random.default_rng(1).uniform(-0.1, 0.1, 20_000)
    soundfile.write(tmp_path / "torn.flac", audio, 48_000)
    data = (tmp_path / "torn.flac").read_bytes()
    (tmp_path / "torn.flac").write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    (tmp_path / "torn.csv").write_text("id,start,stem,source\na,0.2,FEET,torn.flac\n")
    (tmp_path / "poison.toml").write_text(
        f'schema = 1\n[[stems]]\nname = "FEET"\neffects = [{{ type = "plugin", path = "{poison(1)}" }}]\n'
        '[[stems]]\nname = "ROOM"\n'
    )
    more = (
        {"name": "poisoned", "cues": "reel0.csv", "project": "poison.toml"},
        {"name": "torn", "cues": "torn.csv", "project": "dry.toml"},
    )
    jobs = write_batch(JOBS, more)
    calm = subprocess.run(command(jobs, tmp_path / "calm"), cwd=ROOT, capture_output=True, text=True, check=False)
    assert calm.returncode == 1
    whole = stems_of(tmp_path / "calm")
    assert len({name.split("/")[0] for name in whole}) == JOBS

    out, hog = disk / "night", disk / "hog"
    run = Disturbed(jobs, out, seed=6)
    for kill in range(KILLS):
        full = small and 7 <= kill < 10
        if full and not hog.exists():
            fill(hog)
            run.meet_a_full_disk()
        run.kill_someone(0 if full else kill * (JOBS - 4) // KILLS)
        if kill == 9:
            time.sleep(1.0)
            hog.unlink(missing_ok=True)
    assert min(run.killed.values()) >= 4
    if run.process is not None:
        run.end()
    run.start()
    stderr = run.end()
    assert run.status == 1
    assert f"{JOBS} of {JOBS + 2} jobs done" in stderr
    assert re.search(r"failed: poisoned: .* FEET with the plug-in \S*poison1.so crashed \(SIGSEGV\)", stderr)
    assert re.search(r"failed: torn: \S*torn.csv, row 2, column 'source': \S*torn.flac: the audio is damaged", stderr)

    assert stems_of(out) == whole
    calm_names, names = (sorted(p.relative_to(f) for f in (x,) for p in f.rglob("*")) for x in (tmp_path / "calm", out))
    assert names == calm_names  # one version each, no temporary file, no claim, no stage
    with closing(sqlite3.connect(out / "batch.sqlite")) as journal:
        states = dict(journal.execute("SELECT state, count(*) FROM jobs GROUP BY state"))
        assert states == {"done": JOBS, "failed": 2}
        twice = "SELECT job FROM attempts WHERE kind IS NULL GROUP BY job HAVING count(*) > 1"
        assert journal.execute(twice).fetchall() == []
    run.start()
    assert f"{JOBS} of {JOBS + 2} jobs done, 0 in this run" in run.end()
