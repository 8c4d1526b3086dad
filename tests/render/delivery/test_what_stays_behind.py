"""No incomplete file stays, whether a run is interrupted or killed, crashes or fills the disk."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from plugin_backend.errors import DiskFullError, PresetError
from render.cues import Cue, CueSheet
from render.delivery.deliver import deliver
from render.engine.make_plan import make_plan
from render.engine.stream import stream
from render.project.effect_schema import Reverb
from render.project.project import Project, Stem

pytestmark = pytest.mark.slow

MINUTES_LONG = "id,start,end,stem,preset\n" + "".join(f"c{i},0.0,3000.0,S{i},hum\n" for i in range(4))


def children_of(pid: int) -> list[int]:
    """Return the child processes of ``pid``, read from /proc."""
    children = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            children.append(int(status.parent.name))
    return children


def wait_for(condition, seconds: float = 60):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
    return result


@pytest.fixture
def running(tmp_path, impulse_bank):
    """Start a real ``pisada render`` of 50 minutes in its own session, and wait until it writes."""
    (tmp_path / "cues.csv").write_text(MINUTES_LONG)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "studio", "render", str(tmp_path / "cues.csv"), "--out", str(out)]
    command += ["--bank", str(impulse_bank), "--model", "pcm", "--jobs", "2"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores Ctrl-C
    )
    wait_for(lambda: out.is_dir() and any(path.stat().st_size > 2**20 for path in out.glob(".*.part/*")))
    yield process, out
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_an_interrupted_run_leaves_nothing(running, number):
    process, out = running
    workers = children_of(process.pid)
    assert len(workers) >= 2
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted; nothing was kept" in errors
    assert "Traceback" not in errors
    assert not out.exists()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_a_crashed_render_process_is_reported_and_leaves_nothing(running):
    process, out = running
    workers = [pid for pid in children_of(process.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(workers[0], signal.SIGSEGV)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "died (exit status -11)" in errors
    assert "Traceback" not in errors
    assert not out.exists()


def hum_plan(bank, seconds: int, **fields):
    project = Project(show="T", model="pcm", bank=str(bank), tail_s=0.0, **fields)
    cue = Cue(id="a", start_samples=0, stem="A", preset="hum", duration_samples=seconds * 48_000)
    return make_plan(project, CueSheet(Path("c.csv"), [cue], [], [])), project


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_stems_that_cannot_fit_are_refused_at_once(small_disk, impulse_bank):
    plan, project = hum_plan(impulse_bank, 60)
    with pytest.raises(DiskFullError, match="the stems need 39 MB, 25 MB are free"):
        deliver(plan, project, small_disk / "out")
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("bits", [24, 32])
def test_a_disk_that_fills_up_meanwhile_leaves_nothing(bits, small_disk, impulse_bank):
    plan, project = hum_plan(impulse_bank, 20, bits=bits)

    def fill(samples):
        hog = small_disk / "hog"
        if not hog.exists():
            hog.write_bytes(bytes(shutil.disk_usage(small_disk).free - 2**20))

    with pytest.raises(DiskFullError, match="the disk is full"):
        deliver(plan, project, small_disk / "out", progress=fill)
    assert [path.name for path in small_disk.iterdir()] == ["hog"]


def test_closing_a_stream_stops_its_processes(impulse_bank):
    plan, _ = hum_plan(impulse_bank, 3000)
    threads = threading.active_count()  # a server of earlier tests may run on
    blocks = stream(plan)
    next(blocks)
    workers = children_of(os.getpid())
    blocks.close()
    wait_for(lambda: not any(pid in children_of(os.getpid()) for pid in workers if _is_render(pid)))
    assert threading.active_count() == threads


def _is_render(pid: int) -> bool:
    path = Path(f"/proc/{pid}/cmdline")
    return path.exists() and b"spawn_main" in path.read_bytes()


def test_a_failure_inside_the_graph_reaches_the_caller(tmp_path, impulse_bank):
    """A preset removed between plan and render: the pull callback fails inside the engine."""
    bank = shutil.copytree(impulse_bank, tmp_path / "bank")
    plan, project = hum_plan(bank, 5, stems=[Stem(name="A", effects=[Reverb()])])
    (bank / "hum.preset.safetensors").write_bytes(b"gone")
    with pytest.raises(PresetError, match="hum.preset"):
        deliver(plan, project, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_versions_are_never_overwritten(tmp_path, impulse_bank):
    plan, project = hum_plan(impulse_bank, 1)
    first = deliver(plan, project, tmp_path)
    before = {path: path.read_bytes() for path in first.stems.values()}
    second = deliver(plan, project, tmp_path)
    assert {path.name for path in second.stems.values()} == {
        "T_R1_FOLEY-A_v002_48k_24b.wav",
        "T_R1_FOLEY_v002_48k_24b.wav",
    }
    assert all(path.read_bytes() == data for path, data in before.items())


def test_a_show_named_like_a_version_keeps_every_run(tmp_path, impulse_bank):
    plan, project = hum_plan(impulse_bank, 1)
    project = msgspec.structs.replace(project, show="reel1_v012_final")
    runs = [deliver(plan, project, tmp_path) for _ in range(3)]
    assert len({path for run in runs for path in (*run.stems.values(), run.report, run.plot)}) == 3 * 4
    assert [run.stems["FOLEY"].name for run in runs] == [
        f"reel1_v012_final_R1_FOLEY_v00{n}_48k_24b.wav" for n in (1, 2, 3)
    ]
    assert (tmp_path / "report.json").read_bytes() == runs[-1].report.read_bytes()


def test_folders_made_on_the_way_go_too(tmp_path, impulse_bank):
    bank = shutil.copytree(impulse_bank, tmp_path / "bank")
    plan, project = hum_plan(bank, 5)
    (bank / "hum.preset.safetensors").write_bytes(b"gone")
    with pytest.raises(PresetError):
        deliver(plan, project, tmp_path / "a" / "b" / "c")
    assert not (tmp_path / "a").exists()
