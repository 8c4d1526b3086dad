"""The factory bank, and effects of the plug-in that are closed after a test."""

import pytest

from plugin_backend.daw_plugin.shared_memory import hop_of
from presets.bank import FACTORY_BANK, Bank
from render.plugin_server.engine_factory import make_sound_engine
from render.plugin_server.preset_slots import PresetPool

RATE_HZ = 48_000


@pytest.fixture(scope="module")
def bank():
    return Bank(FACTORY_BANK)


@pytest.fixture
def effect():
    """Make effects; they are closed after the test."""
    made = []

    def make(codec, bank, channels=1, rate_hz=RATE_HZ):
        made.append(make_sound_engine("effect", codec, PresetPool(bank), rate_hz, channels, hop_of(rate_hz), 0))
        return made[-1]

    yield make
    for engine in made:
        engine.close()
