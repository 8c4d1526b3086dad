"""Shared memory is written and read in one order: between two accesses whose order counts stands a barrier."""

import numpy as np
import pytest

from plugin_backend.daw_plugin.shared_memory import RESET
from plugin_backend.errors import PluginError
from render.plugin_server import memory_fence as module
from render.plugin_server.client import HostMemory
from render.plugin_server.instance import Instance


@pytest.fixture
def shared():
    """Return the host's side and the backend's side of one memory."""
    import os

    memory = HostMemory(1, 48_000)
    instance = Instance(1, "effect", 0, memory.descriptor, None)
    os.close(memory.descriptor)
    return memory, instance


def test_processors_that_change_the_order_get_a_barrier_of_the_compiled_bridge(monkeypatch, tmp_path):
    assert module.memory_fence("x86_64")() is None
    assert module.memory_fence("aarch64")() is None
    assert module.memory_fence("aarch64").__name__ == "pisada_fence"
    monkeypatch.setattr(module, "__file__", str(tmp_path / "plugin_server" / "memory_fence.py"))
    with pytest.raises(PluginError, match="no compiled bridge of this version .*reinstall with a C compiler"):
        module.memory_fence("aarch64")


def test_an_output_is_written_before_its_tag_and_the_tag_before_the_count(shared):
    memory, instance = shared
    memory.fill(np.full((1, 512), 0.5, np.float32))
    hop, seen = instance.head(), []

    def look() -> None:
        slot = memory.slots[0]
        seen.append((float(slot["output"][0, -1]), int(slot["out_tag"]), int(memory.header["answered"][0])))

    instance._fence = look
    instance.write(hop, np.full((1, 512), 0.25, np.float32), 0)
    assert seen == [(0.25, 0, 0), (0.25, 1, 0)]
    assert (int(memory.slots["out_tag"][0]), int(memory.header["answered"][0])) == (1, 1)


def test_a_hop_that_is_overwritten_while_it_is_read_is_not_taken(shared):
    memory, instance = shared
    memory.fill(np.full((1, 512), 0.5, np.float32))
    calls = []

    def overwrite() -> None:
        calls.append(1)
        if len(calls) == 3:  # the audio was read; the tag is compared once more
            memory.slots["in_tag"][0] = 65

    instance._fence = overwrite
    assert instance.head() is None and len(calls) == 3
    instance._fence = lambda: None
    memory.slots["in_tag"][0] = 1
    hop = instance.head()
    assert hop.audio[0, 0] == 0.5 and hop.reset == bool(int(memory.slots["flags"][0]) & RESET)
