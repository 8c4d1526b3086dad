"""The plug-in's bridge: exact to the bit and the sample, whatever the backend does."""

import json
import os
import signal
import sys

import numpy as np
import pytest

from tests.plugin_backend.plugin_probe import HOP, RATE, compiler

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the stand-in speaks Linux's futex"),
    pytest.mark.skipif(compiler() is None, reason="no C++ compiler (Debian: apt-get install g++)"),
]

FRAMES, LATENCY = 20_000, 100
NOISE = np.random.default_rng(5).uniform(-1, 1, (2, FRAMES)).astype(np.float32)
SINE = np.broadcast_to(0.5 * np.sin(2 * np.pi * 100 / RATE * np.arange(2 * RATE)), (2, 2 * RATE)).astype(np.float32)
SMOOTH = 0.02
"""What the sine and the fades of its halves move in one sample, and a little: a cut would be ten times as much."""


def late(sound: np.ndarray, samples: int) -> np.ndarray:
    return np.pad(sound, ((0, 0), (samples, 0)))[:, : sound.shape[1]]


@pytest.mark.parametrize("blocks", ["1", "64", "333", "512", "1000", "4096", "random:1:3000"])
def test_offline_an_identity_is_exact_and_as_late_as_reported(probe, blocks):
    sound, result = probe.backend("--latency", LATENCY).play(NOISE, blocks=blocks, offline=1)
    most = int(blocks.rpartition(":")[2])
    assert result[0]["latency"] == (-(-most // HOP) + 1) * HOP + LATENCY
    np.testing.assert_array_equal(sound[0], late(NOISE, result[0]["latency"]))
    assert (result[0]["late"], result[0]["hops"]) == (0, FRAMES // HOP)
    assert result[0]["peaks"] == pytest.approx([np.abs(NOISE).max(), np.abs(sound).max()])


def test_a_block_longer_than_the_ring_comes_to_the_bit(probe):
    noise = np.tile(NOISE, 4)
    sound, result = probe.backend("--latency", LATENCY).play(noise, blocks="1,60000,0,7", offline=1)
    assert result[0]["latency"] == 60 * HOP + LATENCY  # all that the ring gives
    np.testing.assert_array_equal(sound[0], late(noise, result[0]["latency"]))


@pytest.mark.parametrize(("rate", "channels", "hop"), [(44_100, 1, 512), (96_000, 2, 1024), (192_000, 1, 2048)])
def test_a_hop_lasts_alike_at_any_rate(probe, rate, channels, hop):
    sound, result = probe.backend().play(NOISE[:channels], rate=rate, offline=1, blocks=333)
    assert result[0]["latency"] == 2 * hop
    np.testing.assert_array_equal(sound[0], late(NOISE[:channels], 2 * hop))


@pytest.mark.parametrize("doorbell", ["futex", "socket", "portable"])
@pytest.mark.parametrize(("instances", "offline", "threads"), [(2, 0, 0), (2, 1, 1), (8, 1, 0), (8, 1, 1)])
def test_instances_share_a_backend_whatever_wakes_it(probe, doorbell, instances, offline, threads):
    variable = "PISADA_PLATFORM" if doorbell == "portable" else "PISADA_DOORBELL"
    probe.backend("--latency", LATENCY).environment[variable] = doorbell
    sound, result = probe.play(NOISE, instances=instances, offline=offline, threads=threads, blocks=333)
    for each, of in zip(sound, result, strict=True):
        np.testing.assert_array_equal(each, late(NOISE, of["latency"]))
    assert len(list(probe.pids.iterdir())) == 2  # a keeper, a server


def test_offline_and_real_time_may_change_in_mid_stream(probe):
    script = "\n".join(f"{at} offline {at // 3000 % 2}" for at in range(0, FRAMES, 3000))
    sound, result = probe.backend("--latency", LATENCY).play(NOISE, script, blocks="random:3:700")
    np.testing.assert_array_equal(sound[0], late(NOISE, result[0]["latency"]))
    assert not result[0]["told"]["failed"]


def test_parameters_act_from_the_first_sample_of_a_hop(probe):
    script = "\n".join(f"{at} param mix {at / FRAMES}" for at in range(0, FRAMES, 900))
    sound, result = probe.backend().play(NOISE, script, blocks=100, offline=1)
    changed = np.array([at // 900 * 900 / FRAMES for at in range(FRAMES)]).astype(np.float32)
    begins = np.arange(FRAMES) // HOP * HOP
    in_block = np.minimum(begins // 100 * 100 + 99, FRAMES - 1)  # a change acts before the block that holds it
    np.testing.assert_array_equal(sound[0], late(NOISE * changed[in_block], result[0]["latency"]))


def test_offline_a_new_preset_acts_from_the_next_hop(probe, tmp_path):
    for name, size in ("one", 128), ("two", 512):
        (tmp_path / name).write_bytes(bytes(size))
    script = "\n".join(
        f"{at} session {slot} Given {tmp_path / name}" for at, slot, name in ((0, "a", "one"), (8000, "a", "two"))
    )
    sound, result = probe.backend("--crash-at", 30).play(
        NOISE, f"{script}\n18000 await ready\n18000 reset\n", offline=1
    )
    given = np.full(FRAMES, 0.125, np.float32)
    given[7680:] = 0.5  # the block that holds 8000 is a hop
    expected = late(NOISE + given, result[0]["latency"])
    for surely in slice(7680), slice(7680 + result[0]["latency"], 28 * HOP):  # hops under way then may have heard of it
        np.testing.assert_array_equal(sound[0][:, surely], expected[:, surely])
    again = 17_920 + result[0]["latency"]  # the server after the crash was given it as well
    np.testing.assert_array_equal(sound[0][:, again:], expected[:, again:])


def test_messages_land_on_their_samples_and_the_oldest_of_too_many_are_kept(probe):
    at = [0, 1, 511, 512, 513, 1023, 4444, 4445]
    many = [f"9000 midi 90 {number % 128:x} 40" for number in range(150)]
    script = "\n".join([*(f"{sample} midi 90 {number + 1:x} 40" for number, sample in enumerate(at)), *many])
    for blocks in "64", "random:7:900":
        sound, result = probe.backend().play(None, script, kind="instrument", frames=FRAMES, blocks=blocks, offline=1)
        expected = np.zeros(FRAMES, np.float32)
        expected[at] = (np.arange(len(at)) + 1) / 128
        expected[9000] = sum(number % 128 for number in range(128)) / 128
        np.testing.assert_array_equal(sound[0], late(np.stack([expected, expected]), result[0]["latency"]))
        assert result[0]["told"]["problem"].startswith("22 MIDI messages")


def test_what_is_no_number_goes_on_as_silence(probe):
    broken = NOISE.copy()
    broken[0, 700], broken[1, 9_000:9_010], broken[0, 5_000] = np.nan, np.inf, 1e-42
    sound, result = probe.backend().play(broken, offline=1)
    expected = late(np.where(np.isfinite(broken), broken, 0), result[0]["latency"])
    np.testing.assert_array_equal(sound[0].view("u4"), expected.astype("f4").view("u4"))


def test_a_reset_begins_a_sound(probe):
    sound, result = probe.backend("--latency", LATENCY).play(NOISE, "7777 reset\n", blocks=77, offline=1)
    latency, cut = result[0]["latency"], 7777 // 77 * 77
    for part, of in (slice(0, cut), sound[0][:, :cut]), (slice(cut, None), sound[0][:, cut:]):
        np.testing.assert_array_equal(of, late(NOISE[:, part], latency))


def test_bypass_is_the_dry_as_late_and_fades(probe):
    script = "0 param mix 0.5\n30000 bypass 1\n60000 bypass 0\n"
    sound, result = probe.backend("--latency", LATENCY).play(SINE, script, blocks=250, offline=1)
    dry, fade = late(SINE, result[0]["latency"]), 240
    for gain, part in (0.5, slice(0, 30_000)), (1, slice(30_000 + fade, 60_000)), (0.5, slice(60_000 + fade, None)):
        np.testing.assert_array_equal(sound[0][:, part], np.float32(gain) * dry[:, part])
    assert np.abs(np.diff(sound[0])).max() < SMOOTH


@pytest.mark.parametrize("whole", [[], ["--whole"]])
@pytest.mark.alone("answers have to come in real time")
def test_after_a_crash_in_real_time_the_output_is_aligned_dry_until_the_engine_returns(probe, whole):
    script = "0 param mix 0.5\n26000 await lost\n26000 told\n80000 await ready\n"
    probe.backend("--latency", LATENCY, "--crash-at", 50, "--pause-s", 0.7, *whole)
    sound, result = probe.play(SINE, script)
    dry = late(SINE, result[0]["latency"])
    wet = np.float32(0.5) * dry
    hops = [slice(at, at + HOP) for at in range(4 * HOP, len(dry[0]) - HOP, HOP)]
    kinds = "".join(
        "w" if (sound[0][:, at] == wet[:, at]).all() else "d" if (sound[0][:, at] == dry[:, at]).all() else "-"
        for at in hops
    )
    assert "w" in kinds[:48]
    assert "d" in kinds[52:70]
    assert "w" in kinds[160:]
    assert np.abs(np.diff(sound[0][:, 3 * HOP :])).max() < SMOOTH
    assert (result[0]["restarts"], result[0]["then"][0]["state"], result[0]["told"]["state"]) == (1, "lost", "ready")
    assert "is started again" in result[0]["then"][0]["problem"]
    assert not result[0]["told"]["problem"]
    assert not result[0]["told"]["failed"]


def test_a_crash_offline_is_loud_until_the_next_sound(probe):
    probe.backend("--latency", LATENCY, "--crash-at", 10)
    sound, result = probe.play(NOISE, "12000 told\n13000 await ready\n13000 reset\n", offline=1, blocks=500)
    latency, again = result[0]["latency"], 13_000
    whole = late(NOISE, latency)[:, :again]
    silent = np.flatnonzero((sound[0][:, :again] != whole).any(0))[0]
    assert 10 * HOP <= silent <= 12 * HOP
    np.testing.assert_array_equal(sound[0][:, :silent], whole[:, :silent])
    assert not sound[0][:, silent:again].any()
    np.testing.assert_array_equal(sound[0][:, again:], late(NOISE[:, again:], latency))
    assert "pisada: the backend died during an offline render" in probe.errors
    assert result[0]["then"][0]["failed"]
    assert result[0]["then"][0]["problem"].startswith("the backend died during an offline render")
    assert not result[0]["told"]["failed"]


def test_a_backend_that_hangs_offline_is_loud_and_started_again(probe):
    probe.backend("--hang-at", 10).environment["PISADA_PLUGIN_PATIENCE_S"] = "0.5"
    sound, result = probe.play(NOISE, "12000 told\n13000 await ready\n13000 reset\n", offline=1)
    np.testing.assert_array_equal(sound[0][:, : 12 * HOP], late(NOISE, 2 * HOP)[:, : 12 * HOP])
    assert not sound[0][:, 12 * HOP : 12_800].any()
    np.testing.assert_array_equal(sound[0][:, 12_800:], late(NOISE[:, 12_800:], 2 * HOP))
    assert "pisada: the backend did not answer an offline render" in probe.errors
    assert (result[0]["then"][0]["failed"], result[0]["told"]["failed"], result[0]["restarts"]) == (True, False, 1)


def test_after_a_failed_render_the_host_plays_on_in_real_time(probe):
    script = "0 param mix 0.5\n30000 offline 0\n30000 await ready\n90000 offline 1\n"
    sound, result = probe.backend("--crash-at", 20).play(SINE, script, offline=1, blocks=1000)
    assert not sound[0][:, 23 * HOP : 30_000 + result[0]["latency"]].any()
    np.testing.assert_array_equal(sound[0][:, 93_000:], 0.5 * late(SINE, result[0]["latency"])[:, 93_000:])
    assert not result[0]["told"]["failed"]  # that was of the render before


def test_the_real_backend_with_an_identity_is_exact(probe, impulse_bank):
    probe.script(f"touch '{probe.pids}'/$$; exec '{sys.executable}' -P -m render.plugin_server")
    probe.config.write_text(f"{probe.config.read_text()}model pcm\nbank {impulse_bank}\n")
    quiet = 0.4 * NOISE  # below the ceiling
    sound, result = probe.play(quiet, blocks="random:2:900", offline=1, instances=2, ready=0)
    for each, of in zip(sound, result, strict=True):
        np.testing.assert_array_equal(each, late(quiet, of["latency"]))
        assert (of["told"]["model"], of["told"]["bank"]) == ("pcm", ["burst", "click", "hum", "tone"])


GAINS = [(1, -6.0), (1_001, -20.0), (4_097, 0.0), (7_777, 6.0), (7_779, -3.0), (11_111, -12.0)]


def glided(count: int) -> np.ndarray:
    """Return the gain at every sample: a change glides for 50 ms; one during a glide waits for its end."""
    gain, free, now = np.ones(count), 0, 1.0
    ends = [at for at, _ in GAINS[1:]] + [count]
    for (at, gain_db), following in zip(GAINS, ends, strict=True):
        begin = max(at, free)
        if following <= begin:
            continue  # another value came before this one could begin
        wanted, free = 10 ** (gain_db / 20), begin + 2_400
        weight = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, 2_401) / 2_400)
        gain[begin:free] = (now + weight * (wanted - now))[: count - begin]
        gain[free:] = now = wanted
    return gain


@pytest.mark.parametrize("blocks", ["1", "64", "333", "512", "1000", "4096"])
def test_offline_automation_is_exact_to_the_sample_in_any_blocks(probe, impulse_bank, blocks):
    """By the real backend: a change of level, with its glide, meets the sound of the sample that the host meant."""
    probe.config.write_text(f"interpreter {sys.executable}\nmodel pcm\nbank {impulse_bank}\n")
    script = "\n".join(f"{at} param gain_db {gain_db}" for at, gain_db in GAINS)
    sound, result = probe.play(0.25 * NOISE, f"0 await ready\n{script}", offline=1, blocks=blocks, split=1)
    expected = late(0.25 * NOISE * glided(FRAMES), result[0]["latency"])
    np.testing.assert_allclose(sound[0], expected, atol=1e-6)


def test_a_killed_host_leaves_no_process(probe):
    with probe.backend().hold(frames=5000):
        assert len(probe.running()) == 2
    assert probe.all_end()


@pytest.mark.parametrize("child_ends", [signal.SIG_DFL, signal.SIG_IGN], ids=["default", "ignored"])
def test_a_hundred_inserts_and_removals_leave_nothing(probe, child_ends):
    before = signal.signal(signal.SIGCHLD, child_ends)  # which a host may ignore; a child inherits that
    try:
        with probe.backend().hold(cycles=100, frames=2000, offline=1) as result:
            assert result["prepared"]
            assert (result["fds"][0], result["threads"][0]) == (result["fds"][1], result["threads"][1])
            assert not probe.running()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_instances_are_removed_while_the_backend_dies(probe):
    with probe.backend("--crash-at", 2, "--every").hold(cycles=16, frames=2000, offline=1) as result:
        assert (result["fds"][0], result["threads"][0]) == (result["fds"][1], result["threads"][1])
        assert not probe.running()


def test_an_editor_may_ask_and_give_presets_all_the_while(probe):
    probe.backend("--latency", LATENCY, "--crash-at", 30)
    sound, result = probe.play(NOISE * 0, "18000 await ready\n", instances=2, threads=1, editor=1)
    assert [each["told"]["state"] for each in result] == ["ready", "ready"]
    assert np.abs(sound).max() < 0.01  # at most what the presets given add


UNLOADED = """
import ctypes, json, os, sys, _ctypes
ctypes.CDLL("libstdc++.so.6")  # as in any host in C++: one that comes with a library keeps it
library = ctypes.CDLL(sys.argv[1])
words = [word.encode() for word in sys.argv[1:]]
threads = len(os.listdir("/proc/self/task"))
library.pisada_test_host(len(words), (ctypes.c_char_p * len(words))(*words))
assert len(os.listdir("/proc/self/task")) == threads + 1  # it lingers
_ctypes.dlclose(library._handle)
left = sys.argv[1] in open("/proc/self/maps").read()
print(json.dumps([left, len(os.listdir("/proc/self/task")) - threads]))
"""


@pytest.mark.skipif("sanitize" in os.environ.get("PISADA_PROBE_FLAGS", ""), reason="Python is not built so")
def test_the_library_may_be_unloaded_while_the_backend_lingers(probe):
    words = probe.backend().words(NOISE, "", {"offline": 1})
    ran = probe.run([sys.executable, "-c", UNLOADED, probe.library, *words])
    assert json.loads(ran.stdout.splitlines()[-1]) == [False, 0]
    assert not probe.running()


def test_a_fork_of_the_host_leaves_the_backend_alone(probe):
    sound, result = probe.backend().play(NOISE, "5000 fork\n", offline=1)
    np.testing.assert_array_equal(sound[0], late(NOISE, result[0]["latency"]))
    assert result[0]["then"][0]["problem"].startswith("this process is a fork, and the backend belongs to its parent")
