"""The plug-in's backend from the host's side: input that it refuses with one line each, and survives."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from plugin_host import PLAIN, STEP, Host, Instance, gone
from safetensors.numpy import save

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.daw_plugin import shared_memory as memory
from plugin_backend.daw_plugin.ipc_messages import LONGEST_BYTES
from plugin_backend.errors import CheckpointError
from plugin_backend.models.registry import describe_codec
from presets.capture import encode_pieces
from presets.store import KEY, SUFFIX, save_preset
from render.plugin_server.capabilities import Capabilities
from render.plugin_server.loader import load

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the backend is forked, its memory passed on")


def _header(**values):
    def change(instance: Instance) -> None:
        for name, value in values.items():
            instance.header[name] = value

    return change


@pytest.mark.parametrize(
    "change, expected_text",
    [
        (lambda instance: os.ftruncate(instance.descriptor, 100), "memory of 100 bytes, shorter than its header"),
        (lambda instance: os.ftruncate(instance.descriptor, 8192), r"memory of 8192 bytes; \d+ are needed"),
        (_header(magic=7), "this is not a plug-in's memory"),
        (_header(version=9), "memory of version 9, but this backend has version 3"),
        (_header(channels=3), "3 channels; 1 and 2 are allowed"),
        (_header(channels=0), "0 channels"),
        (_header(hop_samples=2**31), "hops of 2147483648 samples; at 48000 Hz they are of 512"),
        (_header(rate_hz=float("nan")), "a rate of nan Hz; allowed are 44100, 48000"),
        (_header(rate_hz=22_050), "a rate of 22050 Hz"),
        (_header(submitted=2**31), ""),
        (lambda instance: instance.slots.__setitem__("in_tag", 2**64 - 1), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_memory_is_refused_in_one_line(steady, change, expected_text):
    host, _ = steady
    instance = host.instance()
    host.until("opened", id=instance.id)
    instance.close()
    instance.id += 10**6
    change(instance)
    instance.open()
    if expected_text:
        problem = host.until("problem")
        assert problem["id"] == str(instance.id) and re.search(expected_text, problem["text"])


def test_malformed_messages_are_reported_and_do_no_harm(steady, tmp_path):
    host, pid = steady
    good = host.instance()
    assert good.play(STEP) is not None
    held = len(os.listdir(f"/proc/{pid}/fd"))
    (tmp_path / "empty").touch()
    empty, (read, write) = os.open(tmp_path / "empty", os.O_RDONLY), os.pipe()
    for message, expected_text in (
        (b"\xff\xfe\x00", "not text"),
        (b"explode\nid 1", "no message 'explode'; there are bell, open, close, session"),
        (b"", "no message ''"),
        (b"x" * (LONGEST_BYTES + 1), "more than 8192 bytes"),
        (b"open", "missing required field `id`"),
        (b"open\nid 5000000\nkind drum\nseed 0", "Invalid enum value 'drum'"),
        (b"open\nid -5\nkind effect\nseed 0", ">= 1"),
        (b"open\nid 5000000\nkind effect\nseed " + b"9" * 5_000, "seed"),
        (b"open\nid 5000000\nkind effect\nseed 0", "no descriptor came with it"),
        (b"session\nid 5\nslot z", "Invalid enum value 'z'"),
        (b"close\nid many", "Expected `int`"),
        (b"bell", "no descriptor came with it"),
    ):
        host.link.send(message)
        assert expected_text in host.until("problem")["text"]
    for descriptor in (empty, read, write, 0):
        host.send("open", descriptor, id=5_000_001, kind="effect", seed=0)
        assert "memory" in host.until("problem")["text"]
        host.send("bell", descriptor)
        assert "bell: not a page of memory" in host.until("problem")["text"]
    host.send("bell", empty, kind="socket")
    assert "not a socket" in host.until("problem")["text"]
    host.send("open", *[empty] * 12, id=5_000_001, kind="effect", seed=0)
    assert "8 descriptors" in host.until("problem")["text"]
    host.send("close", id=999)
    host.send("session", id=999, slot="a", name="x")
    assert float(good.play(STEP)[0, 0]) == 1.25
    assert len(os.listdir(f"/proc/{pid}/fd")) == held
    for descriptor in (empty, read, write):
        os.close(descriptor)


def test_ten_thousand_instances_leak_nothing(steady):
    host, pid = steady
    first, held = host.instance(), len(os.listdir(f"/proc/{pid}/fd"))
    assert first.play(STEP) is not None
    for number in range(100, 10_100):
        host.send("open", first.descriptor, id=number, kind="effect", seed=0)
        host.send("close", id=number)
    last = host.instance()
    host.until("opened", id=last.id)
    assert last.play(STEP) is not None
    for _ in range(1_000):
        if len(os.listdir(f"/proc/{pid}/fd")) <= held + 2:
            break
        time.sleep(0.01)
    assert len(os.listdir(f"/proc/{pid}/fd")) <= held + 2  # nothing leaks
    assert host.all("problem") == []


def test_unusable_session_preset_is_one_line(start, impulse_bank, tmp_path):
    host = start(bank=impulse_bank)
    host.ready()
    instance = host.instance()
    factory = Path(__file__).parents[3] / "presets" / "factory"
    plain = instance.play(STEP)
    good = (impulse_bank / f"click{SUFFIX}").read_bytes()
    number = {"mean.0": np.array(1.0, np.float32), "deviation.0": np.array(1.0, np.float32)}
    for name, data, expected_text in (
        ("bell", (factory / f"bell{SUFFIX}").read_bytes(), "preset 'bell' was made with model 'foley'"),
        ("click", good[:-9], "the session's preset 'click': not a readable preset"),
        ("click", b"", "the session's preset 'click': not a readable preset"),
        ("click", save(number, {KEY: "[" * 100_000}), "not a readable preset"),
        ("click", save(number, {KEY: "{}"}), "its latents or modes are not arrays of floats"),
        ("other", good, "the session's preset 'other': it holds preset 'click'"),
        ("long", bytes(16 * 2**20 + 1), "16777217 bytes; at most 16777216 are read"),
    ):
        instance.session("b", name, data)
        problem = host.until("problem")
        assert problem["id"] == str(instance.id) and expected_text in problem["text"] and "\n" not in problem["text"]
    instance.reset()
    np.testing.assert_array_equal(instance.play(STEP), plain)


@pytest.mark.parametrize(
    "model, bank, expected_text, state",
    [
        ("no-such", "", "no model 'no-such'.*name another 'model' in .*plugin0.conf", memory.FAILED),
        ("pcm", "/nowhere", "/nowhere: not a bank.*name another 'bank' in .*plugin0.conf", memory.READY),
    ],
)
def test_unusable_model_or_bank_is_reported_and_process_stays(start, model, bank, expected_text, state):
    host = start(model, bank, module=(PLAIN,))
    pid = host.ready()
    problem = host.all("problem")
    assert len(problem) == 1 and problem[0]["id"] == "0" and re.search(expected_text, problem[0]["text"])
    instance = host.instance()
    assert (instance.play(STEP) is None) == (state == memory.FAILED) and instance.state == state
    if state == memory.FAILED:
        assert re.search(expected_text, host.until("problem", id=instance.id)["text"])
    assert not gone(pid) and host.all("died") == []


def test_missing_config_says_what_to_run(tmp_path):
    with Host(tmp_path / "none.conf", tmp_path / "log") as host:
        host.ready()
        assert host.messages[0][0] == "hello" and host.messages[0][1]["model"] == ""
        assert "run `pisada plugin install`" in host.all("problem")[0]["text"]


def test_damaged_preset_is_reported_and_others_keep_numbers(start, tmp_path):
    for name in ("a", "b", "c"):
        sound = np.ones(1_000, np.float32)
        save_preset(encode_pieces(PcmCodec(), name, [sound], "hit", program=None), tmp_path / "bank")
    (tmp_path / "bank" / f"b{SUFFIX}").write_bytes(b"no")
    host = start(bank=tmp_path / "bank", module=(PLAIN,))
    host.ready()
    assert [(one["number"], one["name"]) for one in host.all("preset")] == [("1", "a"), ("3", "c")]
    assert host.all("hello")[0]["presets"] == "2"
    assert "preset number 2 cannot be used until" in host.all("problem")[0]["text"]


def test_too_large_bank_is_reported(start, tmp_path):
    for number in range(257):
        sound = np.ones(100, np.float32)
        save_preset(encode_pieces(PcmCodec(), f"p{number:03d}", [sound], "hit", program=None), tmp_path / "bank")
    host = start(bank=tmp_path / "bank", module=(PLAIN,))
    host.ready()
    assert [int(one["number"]) for one in host.all("preset")] == list(range(1, 256))
    assert "257 presets; a plug-in shows the first 255" in host.all("problem")[0]["text"]


def test_changed_model_is_refused(tiny_models):
    quick, slow = (str(path) for path in tiny_models)
    assert load(Capabilities(quick, describe_codec(quick))).spec == describe_codec(quick)
    with pytest.raises(CheckpointError, match="has changed since the plug-in started: remove every instance"):
        load(Capabilities(quick, describe_codec(slow)))


def test_started_by_hand_it_says_who_starts_it(tmp_path):
    command = [sys.executable, "-E", "-P", "-m", "render.plugin_server", "--config", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "only a plug-in can start this" in done.stderr
