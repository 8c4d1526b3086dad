"""The built plug-ins in host processes: start them, send them jobs, and compute the expected output."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from plugin_backend.daw_plugin.config import PluginConfig, write_config
from plugin_backend.daw_plugin.parameters import EXACT, INDEX, PLUGIN_PARAMETERS
from plugin_backend.daw_plugin.shared_memory import hop_of, parameter_row
from plugin_backend.effects.limiter import limiter_latency
from presets.bank import Bank
from render.plugin_server.engine import Change
from render.plugin_server.engine_factory import make_engine
from render.plugin_server.preset_slots import PresetPool
from tests.render.plugin_hosts import HostProcess, Job, Result

HOSTS = "dawdreamer", "pedalboard"
BLOCKS = 1, 64, 333, 512, 1000, 4096
RATE, HOP = 48_000, 512
ROWS = {parameter.id: parameter for parameter in PLUGIN_PARAMETERS}
SOUND = (np.random.default_rng(3).standard_normal((2, 12_000)) * 0.1).astype(np.float32)
BENT = {"ms", "Hz"}
"""Units of parameters whose middle is a tenth of their range."""


def fractions(**values: float) -> dict[str, float]:
    """Parameters in their units, as hosts hand them over, by the names they show."""
    normalized = {}
    for name, value in values.items():
        row = ROWS[name].row
        normalized[ROWS[name].name] = ((value - row.low) / (row.high - row.low)) ** (
            np.log(0.5) / np.log(0.1) if row.unit in BENT else 1
        )
    return normalized


def rendered(
    kind: str,
    codec,
    bank: Path,
    sound: np.ndarray,
    values: dict | Callable[[int], dict],
    events=(),
    rate_hz: int = RATE,
    block: int = 0,
) -> np.ndarray:
    """By the engine, here; its latency taken out. ``events`` are by sample; ``values`` change every ``block``."""
    hop, count = hop_of(rate_hz), sound.shape[1]
    engine = make_engine(kind, codec, PresetPool(Bank(bank)), rate_hz, len(sound), hop, 0)
    whole = np.pad(sound, ((0, 0), (0, -(count + engine.latency_samples) % hop + engine.latency_samples)))
    out = []
    for at in range(0, whole.shape[1], hop):
        here = [(sample - at, message) for sample, message in events if at <= sample < at + hop]
        row = parameter_row(**(values(at) if callable(values) else values))
        changes, last = [], row
        for sample in range(at // block * block + block, at + hop, block) if block else ():
            now = parameter_row(**values(sample))
            exact = [INDEX[name] for name in EXACT if now[INDEX[name]] != last[INDEX[name]]]
            changes += [Change(sample - at, index, float(now[index])) for index in exact]
            last = now
        out.append(engine.push(whole[:, at : at + hop], row, here, True, changes))
    engine.close()
    assert engine.problems == []
    return np.concatenate(out, axis=1)[:, engine.latency_samples :][:, :count]


def told_latency(block: int, engine: int = limiter_latency(RATE), hop: int = HOP) -> int:
    return (-(-block // hop) + 1) * hop + engine


class Hosts:
    """Starts host processes, each with a config of its own and nothing of the user's."""

    def __init__(self, folder: Path, bundles: list[Path]):
        self._folder, self._count = folder, 0
        self.effect, self.instrument = (
            str(next(path for path in bundles if path.name == f"{name}.vst3"))
            for name in ("Pisada", "Pisada Instrument")
        )
        self._lv2 = next(path for path in bundles if path.name == "Pisada.lv2").parent

    def start(self, host: str, jobs: list[Job], model: str, bank: Path) -> HostProcess:
        self._count += 1
        own = self._folder / f"{self._count}-{host}"
        write_config(PluginConfig(sys.executable, model, (str(bank),)), own / "plugin.conf")
        (own / ".lv2").symlink_to(self._lv2)
        variables = {"PISADA_PLUGIN_CONFIG": str(own / "plugin.conf"), "XDG_CACHE_HOME": str(own / "cache")}
        variables["HOME"] = str(own)
        return HostProcess(host, own, jobs, variables)


STRUCK = [(0, 100), (3_001, 64), (3_002, 32), (5_119, 1), (5_120, 127)]
"""Sample, velocity."""


def notes(strikes=STRUCK, length: int = 100) -> list[tuple[int, int, int, int]]:
    return [(60 + index, velocity, at, length) for index, (at, velocity) in enumerate(strikes)]


def midi_of(strikes: list[tuple[int, int, int, int]]) -> list[tuple[int, bytes]]:
    """Notes as messages by sample."""
    messages = [(at, bytes([0x90, key, velocity])) for key, velocity, at, _ in strikes]
    return sorted(messages + [(at + length, bytes([0x80, key, 0])) for key, _, at, length in strikes])


Ran = dict[tuple[str, str], list[list[Result]]]
"""The results of every job, by bank and host."""


def finished(started: dict[tuple[str, str], HostProcess]) -> Ran:
    return {key: process.results() for key, process in started.items()}
