"""An Ardour session with our plug-in on three tracks, exported without a screen, is our own render to the sample."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from plugin_backend.daw_plugin.config import PluginConfig, write_config
from plugin_backend.daw_plugin.parameters import PLUGIN_PARAMETERS
from plugin_backend.daw_plugin.shared_memory import hop_of, parameter_row
from plugin_backend.models.registry import load_codec
from presets.bank import FACTORY_BANK, Bank
from render.plugin_server.engine_factory import make_engine
from render.plugin_server.preset_slots import PresetPool
from tests.plugin_backend.ardour.ardour7 import Ardour, Track

pytestmark = [pytest.mark.ardour, pytest.mark.juce, pytest.mark.slow]
RATE, SILENT, LENGTH = 48_000, 64 * 512, 128 * 512
"""Before an export Ardour runs plug-ins on silence for as long as it pleases. A model remembers half a second, and one
that heard silence is not one that heard nothing: so sounds begin with more silence than that."""

LEAD_STEP = 64
"""Samples of which that silence is any multiple, for each track its own: a hop begins where its plug-in was started."""

ROWS = {parameter.id: parameter for parameter in PLUGIN_PARAMETERS}


@pytest.fixture
def ardour(tmp_path, built_bundles) -> Ardour:
    """With our VST3s in its home, and told of the foley model and the factory bank."""
    write_config(PluginConfig(sys.executable), tmp_path / "home" / ".config" / "pisada" / "plugin.conf")
    (tmp_path / "home" / ".vst3").mkdir()
    own = Ardour(tmp_path / "home", VST3_PATH="")
    (bundle,) = [path for path in built_bundles if path.name == "Pisada.vst3"]
    (tmp_path / "home" / ".vst3" / "Pisada.vst3").symlink_to(bundle)
    own.scan(tmp_path / "home" / ".vst3" / "Pisada.vst3")
    return own


def sounds(count: int) -> list[np.ndarray]:
    """Silence, then steps of noise, each track its own: ``[2, LENGTH]`` float32."""
    random, fade = np.random.default_rng(7), np.exp(-(np.arange(LENGTH) % 12_000) / 1_500)
    fade[:SILENT] = 0
    return [(random.standard_normal((2, LENGTH)) * 0.1 * fade).astype(np.float32) for _ in range(count)]


def fractions(values: dict[str, float]) -> dict[str, float]:
    """Parameters in their units as a host keeps them, by the names it shows."""
    return {
        ROWS[name].name: (value - ROWS[name].row.low) / (ROWS[name].row.high - ROWS[name].row.low)
        for name, value in values.items()
    }


def rendered(sound: np.ndarray, values: dict[str, float], lead_samples: int) -> np.ndarray:
    """By the engine, here, after so much silence; that and its delay taken out."""
    hop = hop_of(RATE)
    engine = make_engine("effect", load_codec("foley"), PresetPool(Bank(FACTORY_BANK)), RATE, 2, hop, 0)
    parameters = parameter_row(**values)
    late = lead_samples + engine.latency_samples
    count = -(-(LENGTH + late) // hop)
    whole = np.zeros((2, count * hop), np.float32)
    whole[:, lead_samples : lead_samples + LENGTH] = sound
    output = [engine.push(piece, parameters, [], True) for piece in np.split(whole, count, axis=1)]
    engine.close()
    return np.concatenate(output, axis=1)[:, late:][:, :LENGTH]


def is_a_sum(output: np.ndarray, tracks: list[np.ndarray]) -> bool:
    """Whether each side is their sum, to the bit, in some order: Ardour's is that of their addresses in memory."""

    def orders(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
        return (a + b) + c, (a + c) + b, (b + c) + a

    first = np.flatnonzero(output.any(0))[:64]
    if not any(np.array_equal(output[:, first], one) for one in orders(*(track[:, first] for track in tracks))):
        return False  # most are told apart by a few samples
    return all(
        any(np.array_equal(side, one) for one in orders(*sides)) for side, *sides in zip(output, *tracks, strict=True)
    )


def preset_number(name: str) -> int:
    return Bank(FACTORY_BANK).names.index(name) + 1


def test_three_tracks_exported_are_our_own_render_to_the_sample(ardour, tmp_path):
    settings = [
        {"preset": preset_number("step-gravel"), "strength": 0.5, "latent3_bias": 1.0},
        {"preset": preset_number("step-wood"), "preset_b": preset_number("amb-rain"), "morph": 0.25, "mix": 0.75},
        {"latent0_on": 0.0, "follow": 0.5},
    ]
    tracks = [
        Track(f"T{number}", sound, "Pisada", fractions(values))
        for number, (sound, values) in enumerate(zip(sounds(3), settings, strict=True))
    ]
    ardour.session(tmp_path / "show", tracks)
    output, message_lines = ardour.exported(tmp_path / "show")
    leads = range(0, hop_of(RATE), LEAD_STEP)
    renders = [
        [rendered(track.sound, values, lead) for lead in leads] for track, values in zip(tracks, settings, strict=True)
    ]
    sums = (wanted for wanted in product(*renders) if is_a_sum(output[:, SILENT:], [one[:, SILENT:] for one in wanted]))
    wanted = next(sums, None)
    assert wanted is not None, f"no sum of our renders is what was exported: {message_lines}"
    assert min(np.abs(one).max() for one in wanted) > 0.01
    own = sum(np.abs(one[:, :SILENT]).max() for one in wanted)
    assert output.shape == tracks[0].sound.shape and np.abs(output[:, :SILENT]).max() < 1.5 * own, own


def test_a_wet_track_at_mix_0_cancels_its_dry_twin(ardour, tmp_path):
    (sound,) = sounds(1)
    tracks = [Track("T0", sound, "Pisada", fractions({"mix": 0.0})), Track("T1", -sound)]
    ardour.session(tmp_path / "show", tracks)
    output, message_lines = ardour.exported(tmp_path / "show")
    assert output.shape[1] >= LENGTH and np.abs(sound).max() > 0.1
    np.testing.assert_array_equal(output, 0.0, err_msg=message_lines)


def test_no_backend_is_left_when_ardour_ends(ardour, tmp_path):
    ardour.session(tmp_path / "show", [Track("T0", sounds(1)[0], "Pisada")])
    ardour.exported(tmp_path / "show")
    home = str(tmp_path / "home").encode()
    left = [path for path in Path("/proc").glob("[0-9]*/environ") if of(path, home)]
    assert left == []


def of(environ: Path, home: bytes) -> bool:
    try:
        return b"HOME=" + home in environ.read_bytes()
    except OSError:  # it ended, or is not ours
        return False
