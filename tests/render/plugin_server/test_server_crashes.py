"""The plug-in's backend from the host's side: failing engines, crashed and killed processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from plugin_host import CRASH, EXIT, NOT_FINITE, PLAIN, RAISE, STEP, ends, gone

from plugin_backend.daw_plugin import shared_memory as memory
from plugin_backend.daw_plugin.config import PluginConfig, write_config
from presets.store import SUFFIX
from render.plugin_server.supervisor import EARLY, LONGEST_S, STEADY_S, pause_s

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the backend is forked, its memory passed on"),
]
HERE = Path(__file__).parents[1]


def children(pid: int) -> set[int]:
    return {
        int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if not gone(int(child))
    }


def other_child(pid: int, *known: int) -> int:
    """Return the process's child besides the known ones, as soon as there is one."""
    while not (others := children(pid) - {*known}):
        time.sleep(0.01)
    (other,) = others
    return other


@pytest.fixture
def plain(start):
    """Start a backend with the engine of plain_backend.py; return it and the server's process id."""
    host = start(module=(PLAIN,))
    return host, host.ready()


def test_new_server_equals_killed_one(start, tmp_path, impulse_bank):
    host = start(bank=impulse_bank)
    pid, instance = host.ready(), host.instance()
    data = (impulse_bank / f"burst{SUFFIX}").read_bytes()
    instance.session("a", "burst", data)
    rng = np.random.default_rng(2)
    hops = [0.1 * rng.standard_normal((2, 512)).astype(np.float32) for _ in range(6)]
    first = [instance.play(hop) for hop in hops]
    for _ in range(2):
        os.kill(pid, signal.SIGKILL)
        assert host.until("died") == {"how": "SIGKILL"}
        before, pid = pid, host.ready()
        assert pid != before and gone(before)
        instance.open()
        instance.session("a", "burst", data)
        instance.reset()
        np.testing.assert_array_equal([instance.play(hop) for hop in hops], first)
    assert host.all("problem") == []


def test_lost_hop_is_processed_offline_and_skipped_in_real_time(plain):
    host, pid = plain
    offline, live = host.instance(), host.instance()
    for instance in (offline, live):
        instance.play(STEP)
    os.kill(pid, signal.SIGSTOP)
    lost = [offline.submit(STEP) for _ in range(8)]
    missed = [live.submit(STEP, offline=False) for _ in range(8)]
    for number in missed:
        live.slots["submitted_ns"][number] = 10**9 + number * 10**7
    os.kill(pid, signal.SIGKILL)
    host.ready()
    offline.open()
    live.open()
    assert [float(offline.wait(number)[0, 0]) for number in lost] == [0.25 + count for count in range(8)]
    assert float(live.wait(missed[-1])[0, 0]) == 0.25
    assert not any(live.processed(number) for number in missed[:-1])


def test_engine_failure_is_one_line_and_others_go_on(steady):
    host, _ = steady
    good, bad, wild = host.instance(), host.instance(), host.instance()
    assert [one.play(STEP) is not None for one in (good, bad, wild)] == [True] * 3
    assert bad.play(np.full((2, 512), RAISE, np.float32)) is None and bad.state == memory.FAILED
    assert host.until("problem") == {"id": str(bad.id), "text": "ValueError: on request"}
    assert wild.play(np.full((2, 512), NOT_FINITE, np.float32)) is None
    assert "not finite" in host.until("problem", id=wild.id)["text"]
    ended = host.instance()
    assert ended.play(np.full((2, 512), EXIT, np.float32)) is None
    assert host.until("problem", id=ended.id)["text"] == "RuntimeError: SystemExit: on request"
    assert float(good.play(STEP)[0, 0]) == 1.25 and good.state == memory.READY


def test_fifty_crashes_in_a_row_are_recovered(start):
    assert [pause_s(early) for early in range(EARLY + 1)] == [0.0] * (EARLY + 1)
    pauses = [pause_s(early) for early in range(EARLY + 1, 50)]
    assert pauses[0] == 0.25 and pauses[-1] == LONGEST_S and pauses == sorted(pauses)
    host = start(module=(PLAIN, "0.01"))
    host.ready()
    instance = host.instance()
    for _ in range(50):
        instance.submit(np.full((2, 512), CRASH, np.float32))
        assert host.until("died") == {"how": "SIGABRT"}
        host.ready()
        instance.header["answered"] = instance.header["submitted"]  # else the next server would process the same hop
        instance.open()
    assert float(instance.play(STEP)[0, 0]) in (0.25, 1.25)
    assert len(host.all("ready")) == 51


def test_spare_goes_on_for_a_killed_supervisor(start, impulse_bank):
    host = start(bank=impulse_bank)
    pid, instance = host.ready(), host.instance()
    hops = [np.full((2, 512), level, np.float32) for level in (0.1, -0.2, 0.3)]
    first = [instance.play(hop) for hop in hops]
    supervisor = host.pid
    for _ in range(3):  # the spare of a spare too
        spare = other_child(supervisor, pid)
        os.kill(supervisor, signal.SIGKILL)
        assert host.until("died") == {"how": "its supervisor was killed"}
        before, pid = pid, host.ready()
        assert pid != before and gone(before)
        assert pid in children(spare)
        supervisor = spare
        instance.open()
        instance.reset()
        np.testing.assert_array_equal([instance.play(hop) for hop in hops], first)
    assert len(host.all("hello")) == 1 and host.all("problem") == []


def test_killed_spare_is_replaced(plain):
    host, pid = plain
    spare = other_child(host.pid, pid)
    time.sleep(STEADY_S)  # one that lived shortly waits for the next server
    os.kill(spare, signal.SIGKILL)
    assert ends(spare)
    other = other_child(host.pid, pid, spare)
    os.kill(host.pid, signal.SIGKILL)
    host.until("died")
    assert host.ready() in children(other) and ends(pid)
    host.close()
    assert ends(other)


@pytest.mark.parametrize("moment", ["hello", "ready", "playing"])
def test_processes_end_with_killed_host(start, tmp_path, impulse_bank, moment):
    write_config(PluginConfig(sys.executable, "pcm", (str(impulse_bank),)), tmp_path / "plugin.conf")
    script = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(HERE)!r})
import numpy as np
from plugin_host import Host
host = Host(Path({str(tmp_path / "plugin.conf")!r}), Path({str(tmp_path / "log")!r}))
host.until("hello")
pids = [host.pid]
if {moment!r} != "hello":
    pids.append(host.ready())
if {moment!r} == "playing":
    instance = host.instance()
    instance.play(np.zeros((2, 512), np.float32))
print(*pids, flush=True)
while {moment!r} == "playing":
    instance.play(np.zeros((2, 512), np.float32))
time.sleep(100)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        pids = [int(pid) for pid in process.stdout.readline().split()]
        process.kill()
    assert pids and all(ends(pid) for pid in pids)
