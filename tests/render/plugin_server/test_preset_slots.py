"""What numbers stand for, asked by the thread that plays while sessions come from another."""

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
    """Threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def chosen(bank):
    """Makes what numbers stand for; each is closed."""
    made = []

    def make(what=lambda preset: preset.name):
        made.append(PresetSlots(PresetPool(bank), what, []))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_session_that_comes_while_its_slot_is_asked_for_hurts_nobody(bank, chosen, often):
    ours, (first, second) = chosen(), (bank[name] for name in bank.names[:2])
    over = threading.Event()

    def sessions():
        for count in range(3_000):
            ours.session("a", (first, second)[count % 2])
        over.set()

    thread = threading.Thread(target=sessions)
    thread.start()
    heard = {ours.of("a", 0, wait=False) for _ in iter(over.is_set, True)}
    thread.join()
    assert heard <= {None, first.name, second.name}
    assert ours.of("a", 0, wait=True) == second.name


def test_of_sessions_that_were_replaced_nothing_is_kept(bank, chosen):
    begun, go_on, made = threading.Event(), threading.Event(), []

    def slow(preset):
        begun.set()
        go_on.wait()
        made.append(preset.name)
        return preset.name

    ours, (first, second) = chosen(slow), (bank[name] for name in bank.names[:2])
    ours.session("a", first)
    begun.wait()
    ours.session("a", second)  # without waiting for what is being made
    go_on.set()
    assert ours.of("a", 0, wait=True) == second.name
    ours.session("a", None)
    assert ours.of("a", 0, wait=False) is None
    ours.close()
    assert set(made) == {first.name, second.name} and ours._made == {}


def test_a_session_s_end_is_heard_at_once(bank, chosen):
    ours = chosen()
    ours.session("b", bank["bell"])
    assert ours.of("b", 0, wait=True) == "bell"
    ours.session("b", None)
    assert ours.ready("b", 0) and ours.of("b", 0, wait=False) is None


def test_it_ends_whatever_waits(bank, often):
    shelf, bell = PresetPool(bank), bank["bell"]
    for count in range(50):
        ours = PresetSlots(shelf, lambda preset: preset.name, [])
        for _ in range(count % 7):
            ours.session("a", bell)
        ours.close()
        assert not ours._thread.is_alive()


def test_who_makes_presets_is_not_kept_from_it_with_pythons_lock_in_hand(bank, chosen):
    """On a busy machine a thread of no priority may wait for long, and with it whoever waits for the lock."""
    if not hasattr(os, "sched_getscheduler"):
        pytest.skip("no scheduler to ask")
    granted, ours = [], chosen()

    def asked():
        request_priority(BACKGROUND_PRIORITY)
        granted.append((os.sched_getscheduler(0), os.sched_getparam(0).sched_priority))

    thread = threading.Thread(target=asked)
    thread.start()
    thread.join()
    ours.session("a", bank["bell"])
    while not ours.ready("a", 0):
        pass
    own = ours._thread.native_id
    assert (os.sched_getscheduler(own), os.sched_getparam(own).sched_priority) == granted[0]
