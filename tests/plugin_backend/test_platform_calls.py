"""What only Linux has, and what takes its place on other systems: both ways here."""

import mmap
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from plugin_backend import platform_calls
from plugin_backend.errors import PluginError
from render.plugin_server.wakeup import FutexWord

ROOT = Path(__file__).parents[2]
LINUX_ALONE = re.compile(
    r"\b(fcntl|msvcrt|memfd_create|prctl|sched_setscheduler|import resource\b|SYS_futex|F_ADD_SEALS|/dev/shm|/proc/)"
)


@pytest.fixture(params=["linux", platform_calls.PORTABLE])
def way(request, monkeypatch):
    if request.param == "linux" and sys.platform != "linux":
        pytest.skip("not Linux")
    monkeypatch.setenv(platform_calls.VARIABLE, request.param)
    return request.param


def test_the_variable_chooses(way):
    is_linux = way == "linux"
    assert platform_calls.has_linux_calls() is is_linux
    assert platform_calls.start_method() == ("fork" if is_linux else "spawn")
    assert (platform_calls.futex_call() is not None) is is_linux


def test_two_processes_share_memory_without_a_name(way, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    descriptor = platform_calls.shared_memory(8192)
    writes = f"import mmap; mmap.mmap({descriptor}, 8192)[4000:4003] = b'abc'"
    subprocess.run([sys.executable, "-c", writes], pass_fds=[descriptor], check=True)
    with mmap.mmap(descriptor, 8192) as memory:
        assert memory[3999:4004] == b"\0abc\0"
    os.close(descriptor)
    assert list(tmp_path.iterdir()) == []


def test_without_a_futex_the_socket_is_named(way):
    word = np.zeros(1, "<u4")
    if way == "linux":
        FutexWord(word).wake()
    else:
        with pytest.raises(PluginError, match="PISADA_DOORBELL=socket"):
            FutexWord(word)


HOLDS = """
import sys, time
from plugin_backend.platform_calls import lock_file
with open(sys.argv[1], "w") as file:
    lock_file(file.fileno())
    print("locked", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_lock_of_another_process_is_refused_or_waited_for(tmp_path):
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, path, "3"], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"locked\n"
    with open(path, "w") as file:
        with pytest.raises(OSError) as refused:
            platform_calls.lock_file(file.fileno())
        assert refused.value.errno in platform_calls.BUSY
        platform_calls.lock_file(file.fileno(), wait=True)
    holder.communicate()


ORPHAN = """
import os, time
from plugin_backend.processes import die_with_parent, spawn_with_pipe

def child(pipe, parent):
    die_with_parent(parent)
    pipe.send(os.getpid())
    time.sleep(600)

if __name__ == "__main__":
    process, pipe = spawn_with_pipe(child, lambda theirs: (theirs, os.getpid()))
    print(pipe.recv(), flush=True)
    time.sleep(600)
"""


def test_a_process_ends_with_its_killed_parent(way, tmp_path):
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.kill()
    parent.communicate()
    until = time.monotonic() + 60
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_one_module_has_the_calls_of_linux():
    found = set()
    for package in ("plugin_backend", "presets", "render", "studio"):
        for path in (ROOT / package).rglob("*.py"):
            code = re.sub(r'"""(?s:.*?)"""|#.*', "", path.read_text(encoding="utf-8"))
            if LINUX_ALONE.search(code):
                found.add(path.relative_to(ROOT).as_posix())
    assert found == {"plugin_backend/platform_calls.py"}
