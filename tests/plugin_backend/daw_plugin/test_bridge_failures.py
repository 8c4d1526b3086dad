"""The plug-in's bridge without a usable backend."""

import json
import resource
import sys
from functools import partial

import numpy as np
import pytest

from tests.plugin_backend.plugin_probe import HOP, compiler

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the stand-in speaks Linux's futex"),
    pytest.mark.skipif(compiler() is None, reason="no C++ compiler (Debian: apt-get install g++)"),
]

FRAMES = 20_000
NOISE = np.random.default_rng(5).uniform(-1, 1, (2, FRAMES)).astype(np.float32)


def late(sound: np.ndarray, samples: int) -> np.ndarray:
    return np.pad(sound, ((0, 0), (samples, 0)))[:, : sound.shape[1]]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (None, "plugin.conf: cannot be read (No such file or directory); run `pisada plugin install`"),
        ("model foley\n", "plugin.conf: it names no interpreter; run `pisada plugin install`"),
        ("interpreter /none/such\n", "/none/such: cannot be started (No such file or directory)"),
        ("interpreter bin/python\n", "plugin.conf: 'bin/python' is no whole path; run `pisada plugin install`"),
    ],
)
def test_without_a_backend_the_output_is_dry_and_the_reason_is_reported(probe, config, problem):
    if config is not None:
        probe.config.write_text(config)
    sound, result = probe.play(NOISE, "15000 offline 1\n", ready=0)
    assert (result[0]["prepared"], result[0]["latency"], result[0]["told"]["state"]) == (False, 2 * HOP, "failed")
    np.testing.assert_array_equal(sound[0][:, :14_848], late(NOISE, 2 * HOP)[:, :14_848])
    assert not sound[0][:, 14_848:].any()  # offline, dry would pass for a render
    assert problem in result[0]["told"]["problem"]
    assert result[0]["told"]["failed"]


@pytest.mark.parametrize(
    ("options", "settings", "problem"),
    [
        (["--version", 99], {}, "the backend is of another version (99, not 3)"),
        ([], {"rate": 22_050}, "no engine for 22050 Hz and 2 channels"),
    ],
)
def test_a_backend_of_another_version_is_reported(probe, options, settings, problem):
    _, result = probe.backend(*options).play(NOISE, ready=0, **settings)
    assert (result[0]["prepared"], result[0]["told"]["state"]) == (False, "failed")
    assert result[0]["told"]["problem"].startswith(problem)


def test_a_host_without_descriptors_starts_nothing_and_reports_it(probe):
    words = probe.backend().words(NOISE, "", {"ready": 0})
    few = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (16, 16))
    (result,) = json.loads(probe.run([probe.program, *words], preexec_fn=few).stdout)["instances"]
    assert not result["prepared"]
    assert result["told"]["problem"].endswith("cannot be started (Too many open files); close other plug-ins")
    assert not list(probe.pids.iterdir())


def test_a_backend_that_ends_at_once_is_given_up_and_reported(probe):
    _, result = probe.script("echo broken >&2; exit 3").play(NOISE, "5000 await failed\n", ready=0)
    assert not result[0]["prepared"]
    assert "the backend ended (exit status 3)" in result[0]["told"]["problem"]
    assert "broken" in (probe.folder / "cache" / "pisada" / "plugin.log").read_text()
