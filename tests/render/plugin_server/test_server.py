"""The plug-in's backend from the host's side: announcements, outputs, and their order."""

import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from plugin_host import STEP

from plugin_backend.daw_plugin import shared_memory as memory
from plugin_backend.models.registry import describe_codec, load_codec
from plugin_backend.models.waveform_vae.c_engine import instruction_set
from plugin_backend.processes import WORKER_PRIORITY
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.preset import sound_digest
from presets.store import SUFFIX, save_preset
from render.plugin_server.engine_factory import RATES_HZ, engine_latency, make_engine
from render.plugin_server.preset_slots import PresetPool

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the backend is forked, its memory passed on"),
]


def test_capabilities_are_announced_before_torch_is_loaded(start, tiny_models, impulse_bank):
    host = start(tiny_models[0], Path(__file__).parents[3] / "presets" / "factory", small=True)
    assert host.next()[0] == "hello"
    while host.next()[1].get("number") != "10":  # the link holds few messages: not all presets are sent yet
        pass
    status = Path(f"/proc/{host.pid}/status").read_text()
    assert "libtorch" not in Path(f"/proc/{host.pid}/maps").read_text() and "Threads:\t1\n" in status
    host.ready()
    assert "libtorch" in Path(f"/proc/{host.pid}/maps").read_text()
    assert "Threads:\t1\n" in Path(f"/proc/{host.pid}/status").read_text()
    spec, verbs = describe_codec(str(tiny_models[0])), [verb for verb, _ in host.messages]
    presets = len(Bank().names)
    assert verbs == ["hello", *["latency"] * 12, *["preset"] * presets, "ready"]
    hello = host.messages[0][1]
    assert (hello["version"], hello["model"]) == (str(memory.VERSION), str(tiny_models[0]))
    assert (hello["fingerprint"], hello["latents"], hello["presets"]) == (spec.fingerprint, "4", str(presets))
    message = {(one["kind"], int(one["rate_hz"])): int(one["samples"]) for one in host.all("latency")}
    assert message == {
        (kind, rate): engine_latency(kind, spec, rate) for kind in ("effect", "instrument") for rate in RATES_HZ
    }


def test_every_preset_is_announced(start):
    folder = Path(__file__).parents[3] / "presets" / "factory"
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


@pytest.mark.skipif(instruction_set() is None, reason="the engine in C was not built")
def test_a_model_of_the_engine_in_c_needs_no_torch(start):
    host = start("foley", Path(__file__).parents[3] / "presets" / "factory", small=True)
    host.ready()
    assert "libtorch" not in Path(f"/proc/{host.pid}/maps").read_text()
    resident = re.search(r"VmRSS:\s*(\d+) kB", Path(f"/proc/{host.pid}/status").read_text())
    print(f"{int(resident[1]) / 1024:.0f} MB")
    assert int(resident[1]) < 90 * 1024  # with torch it was 344


@pytest.mark.parametrize("model, socket_bell", [("pcm", True), ("tiny", False)], ids=["pcm socket", "tiny futex"])
def test_outputs_equal_engine_to_the_bit(start, tiny_models, tmp_path, model, socket_bell):
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
            engine = make_engine(kind, codec, PresetPool(Bank(tmp_path / "bank")), rate_hz, channels, instance.hop, 5)
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
    assert host.log.read_text().count("loaded in") == 1  # one codec for all instances


def test_parameters_and_events_out_of_range_are_clamped(steady):
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


def test_in_real_time_old_hops_are_skipped_but_long_blocks_are_not(steady):
    host, pid = steady
    instance = host.instance()
    instance.play(STEP, offline=False)
    os.kill(pid, signal.SIGSTOP)
    behind = [instance.submit(STEP, offline=False, ring=False) for _ in range(30)]
    instance.slots["submitted_ns"][behind] = 10**9 + 10**7 * np.arange(30)
    instance.slots["submitted_ns"][behind[-3:]] = 2 * 10**9  # a block of three hops
    host.ring()
    os.kill(pid, signal.SIGCONT)
    assert float(instance.wait(behind[-1])[0, 0]) == 2.25  # the sound started over with that block
    assert [number for number in behind if instance.processed(number)] == behind[-3:]
    os.kill(pid, signal.SIGSTOP)
    block = [instance.submit(STEP, offline=False, ring=False) for _ in range(40)]
    instance.slots["submitted_ns"][np.array(block) % memory.SLOTS] = 3 * 10**9
    host.ring()
    os.kill(pid, signal.SIGCONT)
    assert float(instance.wait(block[-1])[0, 0]) == 42.25 and all(instance.processed(number) for number in block)


def test_wrapped_ring_is_handled(steady):
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
        output = instance.play(STEP, offline=count > 50)
    assert output is not None and int(instance.header["answered"][0]) == instance.count % 2**32


def test_hops_of_instances_are_processed_in_order_of_submission(steady):
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


def test_offline_hop_waits_for_earlier_session_preset(steady, impulse_bank):
    host, _ = steady
    instance, data = host.instance(), (impulse_bank / f"click{SUFFIX}").read_bytes()
    instance.play(STEP)
    for number in range(1, 41):
        instance.session("a", "click", data if number % 2 else None)
        assert float(instance.play(STEP)[0, 0]) == 0.25 + number + 1000 * (number % 2)


def test_dispatcher_has_realtime_priority_if_granted(steady):
    host, pid = steady
    host.instance().play(STEP)
    threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    found = [(os.sched_getscheduler(one) & 0xFF, os.sched_getparam(one).sched_priority) for one in threads]
    granted, remarks = (
        found.count((os.SCHED_FIFO, WORKER_PRIORITY)),
        host.log.read_text().count("real-time priority was refused"),
    )
    assert (granted, remarks) in ((1, 0), (0, 1))
    assert os.sched_getscheduler(host.pid) == os.SCHED_OTHER  # a forked server does not start with it
