"""Presets by number, while session presets come from another thread."""

import os
import sys
import threading

import pytest

from plugin_backend.processes import BACKGROUND_PRIORITY, request_priority
from presets.bank import FACTORY_BANK, Bank
from render.plugin_server.preset_slots import PresetPool, PresetSlots


@pytest.fixture(scope="module")
def bank():
    return Bank(FACTORY_BANK)


@pytest.fixture
def often():
    """Let threads switch as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def chosen(bank):
    """Make preset slots; they are closed after the test."""
    made = []

    def make(what=lambda preset: preset.name):
        made.append(PresetSlots(PresetPool(bank), what, []))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_session_preset_from_another_thread_is_safe(bank, chosen, often):
    slots, (first, second) = chosen(), (bank[name] for name in bank.names[:2])
    over = threading.Event()

    def sessions():
        for count in range(3_000):
            slots.load_session_preset("a", (first, second)[count % 2])
        over.set()

    thread = threading.Thread(target=sessions)
    thread.start()
    output = {slots.get("a", 0, wait=False) for _ in iter(over.is_set, True)}
    thread.join()
    assert output <= {None, first.name, second.name}
    assert slots.get("a", 0, wait=True) == second.name


def test_results_of_replaced_session_presets_are_dropped(bank, chosen):
    started, go_on, made = threading.Event(), threading.Event(), []

    def slow(preset):
        started.set()
        go_on.wait()
        made.append(preset.name)
        return preset.name

    slots, (first, second) = chosen(slow), (bank[name] for name in bank.names[:2])
    slots.load_session_preset("a", first)
    started.wait()
    slots.load_session_preset("a", second)  # without waiting for the result that is being computed
    go_on.set()
    assert slots.get("a", 0, wait=True) == second.name
    slots.load_session_preset("a", None)
    assert slots.get("a", 0, wait=False) is None
    slots.close()
    assert set(made) == {first.name, second.name} and slots._results == {}


def test_removed_session_preset_takes_effect_at_once(bank, chosen):
    slots = chosen()
    slots.load_session_preset("b", bank["bell"])
    assert slots.get("b", 0, wait=True) == "bell"
    slots.load_session_preset("b", None)
    assert slots.ready("b", 0) and slots.get("b", 0, wait=False) is None


def test_close_ends_with_waiting_requests(bank, often):
    pool, bell = PresetPool(bank), bank["bell"]
    for count in range(50):
        slots = PresetSlots(pool, lambda preset: preset.name, [])
        for _ in range(count % 7):
            slots.load_session_preset("a", bell)
        slots.close()
        assert not slots._thread.is_alive()


def test_presets_thread_has_realtime_priority(bank, chosen):
    """On a busy machine a thread without priority may wait long while it holds Python's lock, and so do all others."""
    if not hasattr(os, "sched_getscheduler"):
        pytest.skip("no scheduler to ask")
    granted, slots = [], chosen()

    def requested():
        request_priority(BACKGROUND_PRIORITY)
        granted.append((os.sched_getscheduler(0), os.sched_getparam(0).sched_priority))

    thread = threading.Thread(target=requested)
    thread.start()
    thread.join()
    slots.load_session_preset("a", bank["bell"])
    while not slots.ready("a", 0):
        pass
    own = slots._thread.native_id
    assert (os.sched_getscheduler(own), os.sched_getparam(own).sched_priority) == granted[0]
