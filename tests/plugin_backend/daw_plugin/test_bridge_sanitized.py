"""The plug-in's bridge under sanitizers: no wrong address, no undefined behaviour, no race between its threads.

`make soak` runs all tests of the bridge so.
"""

import sys

import numpy as np
import pytest

from tests.native_builds import SANITIZERS, skip_reason
from tests.plugin_backend.plugin_probe import Probe, build, compiler

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the stand-in speaks Linux's futex"),
    pytest.mark.skipif(compiler() is None, reason="no C++ compiler (Debian: apt-get install g++)"),
]

FRAMES = 12_000
NOISE = np.random.default_rng(6).uniform(-1, 1, (2, FRAMES)).astype(np.float32)


@pytest.fixture(scope="module", params=SANITIZERS)
def sanitized(request, tmp_path_factory):
    if reason := skip_reason(request.param):
        pytest.skip(reason)
    return build(tmp_path_factory.mktemp(request.param), "-g", "-O0", *SANITIZERS[request.param])


@pytest.fixture
def probe(sanitized, tmp_path):
    probe = Probe(*sanitized, tmp_path)
    yield probe
    assert probe.all_end(), "a process of the backend stays"


@pytest.mark.parametrize("wakeup", ["futex", "socket"])
def test_instances_with_threads_and_an_editor(probe, wakeup):
    probe.backend("--latency", 100, "--crash-at", 12).environment["PISADA_DOORBELL"] = wakeup
    probe.environment["PISADA_PLUGIN_PATIENCE_S"] = "60"
    script = "1000 param mix 0.5\n5000 reset\n9000 await ready\n9000 reset\n10000 bypass 1\n"
    _, result = probe.play(NOISE, script, instances=3, threads=1, editor=1, offline=1, blocks="random:3:900")
    assert [each["told"]["state"] for each in result] == ["ready"] * 3
    assert "did not answer" not in probe.errors  # a hop that was submitted while the engine was lost: nobody answers it


def test_messages_of_an_instrument_and_insertions(probe):
    notes = "\n".join(f"{at} midi 90 {at % 128:x} 40" for at in range(0, FRAMES, 50))
    _, result = probe.backend().play(None, notes, kind="instrument", frames=FRAMES, blocks=333, offline=1)
    assert result[0]["hops"] == FRAMES // 512
    with probe.backend("--crash-at", 2, "--every").hold(cycles=4, frames=2000, offline=1) as result:
        assert result["prepared"]
        assert result["fds"][0] == result["fds"][1]
