"""The plug-in's backend, from the host's side: what it tells, what it answers, and how it goes on after crashes."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from plugin_host import Host, Instance
from safetensors.numpy import save

from plugin_backend.codecs import describe_codec, load_codec
from plugin_backend.errors import CheckpointError
from plugin_backend.pcm_codec import PcmCodec
from plugin_backend.plugin import memory
from plugin_backend.plugin.config import PluginConfig, write_config
from plugin_backend.plugin.messages import LONGEST_BYTES
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.digest import sound_digest
from presets.store import KEY, SUFFIX, save_preset
from render.live.priority import WORKER
from render.plugin.engines import RATES_HZ, engine_latency, make_engine
from render.plugin.keeper import EARLY, LONGEST_S, pause_s
from render.plugin.loader import load
from render.plugin.offer import Offer
from render.plugin.shelf import Shelf

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the backend is forked, its memory passed on")
HERE = Path(__file__).parent
PLAIN = str(HERE / "plain_backend.py")
RAISE, NOT_FINITE, CRASH = 100.0, 200.0, 300.0
STEP = np.full((2, 512), 0.25, np.float32)


def gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def ends(pid: int) -> bool:
    for _ in range(2_000):
        if gone(pid):
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def start(tmp_path, impulse_bank):
    """Starts a backend, of the identity codec and the impulse bank if nothing else is said; at the end all is gone."""
    hosts = []

    def begin(model="pcm", bank=impulse_bank, **more) -> Host:
        config = tmp_path / f"plugin{len(hosts)}.conf"
        write_config(PluginConfig(sys.executable, str(model), str(bank)), config)
        hosts.append(Host(config, tmp_path / f"log{len(hosts)}", **more))
        return hosts[-1]

    yield begin
    for host in hosts:
        host.close()
        servers = [int(values["pid"]) for values in host.all("ready")]
        assert gone(host.pid) and all(ends(pid) for pid in servers)


@pytest.fixture
def plain(start):
    """A backend with the engine of plain_backend.py, ready; answers it and the server's process id."""
    host = start(module=(PLAIN,))
    return host, host.ready()


@pytest.fixture(scope="module")
def one_for_all(tmp_path_factory, impulse_bank):
    folder = tmp_path_factory.mktemp("backend")
    write_config(PluginConfig(sys.executable, "pcm", str(impulse_bank)), folder / "plugin.conf")
    with Host(folder / "plugin.conf", folder / "log", module=(PLAIN,)) as host:
        yield host, host.ready()
        assert host.all("died") == []


@pytest.fixture
def steady(one_for_all):
    """As ``plain``, but one backend for all the tests that must not be able to end it."""
    host, pid = one_for_all
    yield host, pid
    assert host.instance().play(STEP) is not None and not gone(pid)
    host.told.clear()


def test_it_tells_what_it_has_before_it_loads_torch(start, tiny_models, impulse_bank):
    host = start(tiny_models[0], Path(__file__).parents[2] / "presets" / "factory", small=True)
    assert host.next()[0] == "hello"
    while host.next()[1].get("number") != "10":  # the link holds few: it has not come to the end of the bank
        pass
    status = Path(f"/proc/{host.pid}/status").read_text()
    assert "libtorch" not in Path(f"/proc/{host.pid}/maps").read_text() and "Threads:\t1\n" in status
    host.ready()
    assert "libtorch" in Path(f"/proc/{host.pid}/maps").read_text()
    assert "Threads:\t1\n" in Path(f"/proc/{host.pid}/status").read_text()
    spec, verbs = describe_codec(str(tiny_models[0])), [verb for verb, _ in host.told]
    assert verbs == ["hello", *["latency"] * 12, *["preset"] * 40, "ready"]
    hello = host.told[0][1]
    assert (hello["version"], hello["model"]) == (str(memory.VERSION), str(tiny_models[0]))
    assert (hello["fingerprint"], hello["latents"], hello["presets"]) == (spec.fingerprint, "4", "40")
    told = {(one["kind"], int(one["rate_hz"])): int(one["samples"]) for one in host.all("latency")}
    assert told == {
        (kind, rate): engine_latency(kind, spec, rate) for kind in ("effect", "instrument") for rate in RATES_HZ
    }


def test_every_preset_is_told_as_the_bank_has_it(start):
    folder = Path(__file__).parents[2] / "presets" / "factory"
    host, bank = start(bank=folder), Bank(folder)
    host.ready()
    assert host.all("preset") == [
        {
            "number": str(number),
            "name": preset.name,
            "sort": preset.header.kind,
            "digest": sound_digest(preset),
            "path": str(folder / f"{preset.name}{SUFFIX}"),
            "description": preset.header.description,
        }
        for number, preset in enumerate(bank, 1)
    ]


@pytest.mark.parametrize("model, socket_bell", [("pcm", True), ("tiny", False)], ids=["pcm socket", "tiny futex"])
def test_answers_are_the_engines_to_the_bit(start, tiny_models, tmp_path, model, socket_bell):
    import torch

    model, threads = str(tiny_models[0]) if model == "tiny" else model, torch.get_num_threads()
    codec, rng = load_codec(model), np.random.default_rng(1)
    sounds = {name: 0.1 * rng.standard_normal(9_000).astype(np.float32) for name in ("a", "b")}
    for name, sound in sounds.items():
        save_preset(encode_pieces(codec, name, [sound], "hit", program=None), tmp_path / "bank")
    host = start(model, tmp_path / "bank", socket_bell=socket_bell)
    host.ready()
    torch.set_num_threads(1)  # as in the backend
    try:
        for kind, channels, rate_hz in (("effect", 1, 48_000), ("instrument", 2, 48_000), ("effect", 2, 96_000)):
            instance = host.instance(kind, channels, rate_hz, seed=5)
            engine = make_engine(kind, codec, Shelf(Bank(tmp_path / "bank")), rate_hz, channels, instance.hop, 5)
            for number in range(24):
                hop = 0.1 * rng.standard_normal((channels, instance.hop)).astype(np.float32)
                events = [(7, b"\x90\x3c\x64"), (300, b"\x80\x3c\x00")] if number % 5 == 0 else []
                instance.set(preset=number // 8, preset_b=2, morph=number / 30, gain_db=-3, latent1_bias=0.1)
                if number == 15:
                    instance.reset()
                if number in (0, 15):
                    engine.reset()
                expected = engine.push(hop, instance.parameters.copy(), events, True)
                np.testing.assert_array_equal(instance.play(hop, events=events), expected)
            engine.close()
            assert np.any(expected)
    finally:
        torch.set_num_threads(threads)
    assert host.all("problem") == []
    assert host.log.read_text().count("loaded in") == 1  # one codec for all


def test_parameters_and_events_out_of_range_are_brought_into_it(steady):
    host, _ = steady
    instance = host.instance()
    instance.set(gain_db=float("nan"))
    assert np.all(instance.play(STEP, events=[(9_999, b"\x01\x02\x03")])[:, :511] == 0.25)  # the default, 0 dB
    np.testing.assert_array_equal(instance.slots["output"][0][:, 511], [6.25, 6.25])
    instance.set(gain_db=1e30)
    assert np.all(np.isfinite(instance.play(STEP)))
    instance.slots["event_count"] = 2**32 - 1
    number = instance.count
    instance.submit(STEP, ring=False)
    instance.slots["event_count"][number % memory.SLOTS] = 2**32 - 1
    instance.slots["events"][number % memory.SLOTS]["count"] = 255
    host.ring()
    assert instance.wait(number) is not None


def test_after_a_killed_server_another_answers_as_from_the_start(start, tmp_path, impulse_bank):
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


def test_a_hop_lost_in_a_crash_is_answered_by_the_next_server_offline_and_left_out_in_real_time(plain):
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
    assert not any(live.answered(number) for number in missed[:-1])


def test_a_worker_behind_goes_on_with_the_newest_in_real_time_but_answers_a_long_block_whole(steady):
    host, pid = steady
    instance = host.instance()
    instance.play(STEP, offline=False)
    os.kill(pid, signal.SIGSTOP)
    behind = [instance.submit(STEP, offline=False, ring=False) for _ in range(30)]
    instance.slots["submitted_ns"][behind] = 10**9 + 10**7 * np.arange(30)
    instance.slots["submitted_ns"][behind[-3:]] = 2 * 10**9  # a block of three hops
    host.ring()
    os.kill(pid, signal.SIGCONT)
    assert float(instance.wait(behind[-1])[0, 0]) == 2.25  # the sound began anew with that block
    assert [number for number in behind if instance.answered(number)] == behind[-3:]
    os.kill(pid, signal.SIGSTOP)
    block = [instance.submit(STEP, offline=False, ring=False) for _ in range(40)]
    instance.slots["submitted_ns"][np.array(block) % memory.SLOTS] = 3 * 10**9
    host.ring()
    os.kill(pid, signal.SIGCONT)
    assert float(instance.wait(block[-1])[0, 0]) == 42.25 and all(instance.answered(number) for number in block)


def test_a_ring_that_has_come_round_is_gone_on_with(steady):
    host, pid = steady
    instance = host.instance()
    instance.play(STEP, offline=False)
    os.kill(pid, signal.SIGSTOP)
    for _ in range(200):
        last = instance.submit(STEP, offline=False, ring=False)
    instance.slots["submitted_ns"] = 10**9
    instance.slots["submitted_ns"][last % memory.SLOTS] = 2 * 10**9
    host.ring()
    os.kill(pid, signal.SIGCONT)
    assert float(instance.wait(last)[0, 0]) == 0.25
    instance.count = instance.count + 2**32 - 250  # the header's count wraps at 2³²
    for count in range(100):
        heard = instance.play(STEP, offline=count > 50)
    assert heard is not None and int(instance.header["answered"][0]) == instance.count % 2**32


def test_hops_of_several_instances_are_answered_in_the_order_they_were_submitted(steady):
    host, pid = steady
    instances = [host.instance() for _ in range(4)]
    for instance in instances:
        instance.play(STEP)
    os.kill(pid, signal.SIGSTOP)
    order = [instances[index] for index in (2, 0, 3, 1)]
    numbers = [instance.submit(STEP, offline=False, ring=False) for instance in order]
    host.ring()
    os.kill(pid, signal.SIGCONT)
    for instance, number in zip(order, numbers, strict=True):
        assert instance.wait(number) is not None
    answered = [int(instance.slots["answered_ns"][number]) for instance, number in zip(order, numbers, strict=True)]
    assert answered == sorted(answered)


def test_an_offline_hop_waits_for_the_session_that_was_sent_before_it(steady, impulse_bank):
    host, _ = steady
    instance, data = host.instance(), (impulse_bank / f"click{SUFFIX}").read_bytes()
    instance.play(STEP)
    for number in range(1, 41):
        instance.session("a", "click", data if number % 2 else None)
        assert float(instance.play(STEP)[0, 0]) == 0.25 + number + 1000 * (number % 2)


def test_an_engine_that_fails_is_told_in_a_line_and_others_go_on(steady):
    host, _ = steady
    good, bad, wild = host.instance(), host.instance(), host.instance()
    assert [one.play(STEP) is not None for one in (good, bad, wild)] == [True] * 3
    assert bad.play(np.full((2, 512), RAISE, np.float32)) is None and bad.state == memory.FAILED
    assert host.until("problem") == {"id": str(bad.id), "text": "ValueError: asked to"}
    assert wild.play(np.full((2, 512), NOT_FINITE, np.float32)) is None
    assert "not finite" in host.until("problem", id=wild.id)["text"]
    assert float(good.play(STEP)[0, 0]) == 1.25 and good.state == memory.READY


def test_the_thread_that_answers_comes_before_others_where_that_is_granted(steady):
    host, pid = steady
    host.instance().play(STEP)
    threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    found = [(os.sched_getscheduler(one) & 0xFF, os.sched_getparam(one).sched_priority) for one in threads]
    granted, remarks = (
        found.count((os.SCHED_FIFO, WORKER)),
        host.log.read_text().count("real-time priority was refused"),
    )
    assert (granted, remarks) in ((1, 0), (0, 1))
    assert os.sched_getscheduler(host.pid) == os.SCHED_OTHER  # what the keeper forks is not so from the start


def _header(**values):
    def change(instance: Instance) -> None:
        for name, value in values.items():
            instance.header[name] = value

    return change


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda instance: os.ftruncate(instance.descriptor, 100), "memory of 100 bytes, shorter than its header"),
        (lambda instance: os.ftruncate(instance.descriptor, 8192), r"memory of 8192 bytes; \d+ are needed"),
        (_header(magic=7), "memory that is no plug-in's"),
        (_header(version=9), "memory of version 9, this backend's is 1"),
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
def test_memory_that_is_not_right_is_refused_in_a_line(steady, change, told):
    host, _ = steady
    instance = host.instance()
    host.until("opened", id=instance.id)
    instance.close()
    instance.id += 10**6
    change(instance)
    instance.open()
    if told:
        problem = host.until("problem")
        assert problem["id"] == str(instance.id) and re.search(told, problem["text"])


def test_messages_that_are_none_are_told_and_hurt_nobody(steady, tmp_path):
    host, pid = steady
    good = host.instance()
    assert good.play(STEP) is not None
    held = len(os.listdir(f"/proc/{pid}/fd"))
    (tmp_path / "empty").touch()
    empty, (read, write) = os.open(tmp_path / "empty", os.O_RDONLY), os.pipe()
    for message, told in (
        (b"\xff\xfe\x00", "no text"),
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
        assert told in host.until("problem")["text"]
    for descriptor in (empty, read, write, 0):
        host.send("open", descriptor, id=5_000_001, kind="effect", seed=0)
        assert "memory" in host.until("problem")["text"]
        host.send("bell", descriptor)
        assert "bell: not a page of memory" in host.until("problem")["text"]
    host.send("bell", empty, kind="socket")
    assert "no socket" in host.until("problem")["text"]
    host.send("open", *[empty] * 12, id=5_000_001, kind="effect", seed=0)
    assert "8 descriptors" in host.until("problem")["text"]
    host.send("close", id=999)
    host.send("session", id=999, slot="a", name="x")
    assert float(good.play(STEP)[0, 0]) == 1.25
    assert len(os.listdir(f"/proc/{pid}/fd")) == held
    for descriptor in (empty, read, write):
        os.close(descriptor)


def test_ten_thousand_instances_come_and_go(steady):
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
    assert len(os.listdir(f"/proc/{pid}/fd")) <= held + 2  # nothing of them is kept
    assert host.all("problem") == []


def test_a_session_s_preset_that_cannot_be_used_is_told_in_a_line(start, impulse_bank, tmp_path):
    host = start(bank=impulse_bank)
    host.ready()
    instance = host.instance()
    factory = Path(__file__).parents[2] / "presets" / "factory"
    plain = instance.play(STEP)
    good = (impulse_bank / f"click{SUFFIX}").read_bytes()
    number = {"mean.0": np.array(1.0, np.float32), "deviation.0": np.array(1.0, np.float32)}
    for name, data, told in (
        ("bell", (factory / f"bell{SUFFIX}").read_bytes(), "preset 'bell' was made with model 'foley'"),
        ("click", good[:-9], "the session's preset 'click': not a readable preset"),
        ("click", b"", "the session's preset 'click': not a readable preset"),
        ("click", save(number, {KEY: "[" * 100_000}), "not a readable preset"),
        ("click", save(number, {KEY: "{}"}), "its latents are no arrays of floats"),
        ("other", good, "the session's preset 'other': it holds preset 'click'"),
        ("long", bytes(16 * 2**20 + 1), "16777217 bytes; at most 16777216 are read"),
    ):
        instance.session("b", name, data)
        problem = host.until("problem")
        assert problem["id"] == str(instance.id) and told in problem["text"] and "\n" not in problem["text"]
    instance.reset()
    np.testing.assert_array_equal(instance.play(STEP), plain)


@pytest.mark.parametrize(
    "model, bank, told, state",
    [
        ("no-such", "", "no model 'no-such'.*name another 'model' in .*plugin0.conf", memory.FAILED),
        ("pcm", "/nowhere", "/nowhere: not a bank.*name another 'bank' in .*plugin0.conf", memory.READY),
    ],
)
def test_a_model_or_bank_that_cannot_be_used_is_told_and_the_process_stays(start, model, bank, told, state):
    host = start(model, bank, module=(PLAIN,))
    pid = host.ready()
    problem = host.all("problem")
    assert len(problem) == 1 and problem[0]["id"] == "0" and re.search(told, problem[0]["text"])
    instance = host.instance()
    assert (instance.play(STEP) is None) == (state == memory.FAILED) and instance.state == state
    if state == memory.FAILED:
        assert re.search(told, host.until("problem", id=instance.id)["text"])
    assert not gone(pid) and host.all("died") == []


def test_without_a_config_file_it_says_what_to_run(tmp_path):
    with Host(tmp_path / "none.conf", tmp_path / "log") as host:
        host.ready()
        assert host.told[0][0] == "hello" and host.told[0][1]["model"] == ""
        assert "run `pisada plugin install`" in host.all("problem")[0]["text"]


def test_a_damaged_preset_is_told_and_the_others_keep_their_numbers(start, tmp_path):
    for name in ("a", "b", "c"):
        sound = np.ones(1_000, np.float32)
        save_preset(encode_pieces(PcmCodec(), name, [sound], "hit", program=None), tmp_path / "bank")
    (tmp_path / "bank" / f"b{SUFFIX}").write_bytes(b"no")
    host = start(bank=tmp_path / "bank", module=(PLAIN,))
    host.ready()
    assert [(one["number"], one["name"]) for one in host.all("preset")] == [("1", "a"), ("3", "c")]
    assert host.all("hello")[0]["presets"] == "2"
    assert "number 2 of the bank is none" in host.all("problem")[0]["text"]


def test_a_bank_of_more_than_can_be_chosen_says_so(start, tmp_path):
    for number in range(257):
        sound = np.ones(100, np.float32)
        save_preset(encode_pieces(PcmCodec(), f"p{number:03d}", [sound], "hit", program=None), tmp_path / "bank")
    host = start(bank=tmp_path / "bank", module=(PLAIN,))
    host.ready()
    assert [int(one["number"]) for one in host.all("preset")] == list(range(1, 256))
    assert "257 presets; a plug-in offers the first 255" in host.all("problem")[0]["text"]


def test_a_model_that_has_changed_is_not_taken_for_the_one_that_was_told(tiny_models):
    quick, slow = (str(path) for path in tiny_models)
    assert load(Offer(quick, describe_codec(quick))).spec == describe_codec(quick)
    with pytest.raises(CheckpointError, match="has changed since the plug-in started: remove every instance"):
        load(Offer(quick, describe_codec(slow)))


def test_fifty_crashes_in_a_row_are_told_and_recovered_from(start):
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
        instance.header["answered"] = instance.header["submitted"]  # else the next would meet the same hop
        instance.open()
    assert float(instance.play(STEP)[0, 0]) in (0.25, 1.25)
    assert len(host.all("ready")) == 51


def test_a_killed_keeper_takes_its_server_along(plain):
    host, pid = plain
    assert host.instance().play(STEP) is not None
    os.kill(host.pid, signal.SIGKILL)
    assert ends(pid)
    while host.next()[0]:
        pass
    assert host.link.recv(10) == b""  # what the plug-in sees


@pytest.mark.parametrize("moment", ["hello", "ready", "playing"])
def test_of_a_killed_host_nobody_is_left(start, tmp_path, impulse_bank, moment):
    write_config(PluginConfig(sys.executable, "pcm", str(impulse_bank)), tmp_path / "plugin.conf")
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


def test_run_by_hand_it_says_who_runs_it(tmp_path):
    command = [sys.executable, "-E", "-P", "-m", "render.plugin", "--config", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "started by a plug-in only" in done.stderr
