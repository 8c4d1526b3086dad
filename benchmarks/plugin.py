"""Measure what the DAW plug-in costs a host: µs per block and late blocks, beside the engine alone and a gain.

    python benchmarks/plugin.py               # prints the tables kept in docs/plugin.md
    python benchmarks/plugin.py --seconds 10 --only bridge

Blocks of 512 at 48 kHz, timed as by a sound card, for 1, 4 and 8 instances, one after another in one thread:

- *bridge*: what the plug-in does in the host's audio thread, measured by the command-line host
  (`plugin_backend/native/test_host`). A block is late if its reply had not arrived in time; then the dry input was
  played.
- *engine*: the backend's engines called in this process, as by a Python host. A round of all instances is late if it
  took longer than a block lasts.
- *gain*: a JUCE plug-in that multiplies (`benchmarks/native`), hosted by pedalboard; late as for *engine*.
- *plug-in*: our own VST3, hosted by pedalboard, offline: each block waits for its exact reply from another process.

Times are those of one instance's call, by the wall clock: where other work shares the machine, they include it.
"""

# ruff: noqa: E402 (the path comes before the imports)

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # this file must not be found as a package

import numpy as np

ROOT = Path(__file__).parents[1]
NATIVE = ROOT / "plugin_backend" / "native"
RATE_HZ, BLOCK = 48_000, 512
INSTANCES = (1, 4, 8)
PARTS = ("bridge", "engine", "gain", "plug-in")
PRESET, PRIORITY = "step-gravel", 70
"""Of the audio thread, where the system grants it: what a DAW has."""


def noise(channels: int, seconds: float) -> np.ndarray:
    """Return bursts of noise that decay twice a second: ``[channels, samples]`` float32."""
    count = int(seconds * RATE_HZ) // BLOCK * BLOCK
    fade = np.exp(-(np.arange(count) % (RATE_HZ // 2)) / 4_000)
    return (np.random.default_rng(0).standard_normal((channels, count)) * 0.2 * fade).astype(np.float32)


def values() -> np.ndarray:
    """Return every parameter at its default, with a preset chosen."""
    from plugin_backend.daw_plugin.shared_memory import parameter_row

    return parameter_row(preset=number_of(PRESET))


def number_of(preset: str) -> int:
    """Return a factory preset's number in the plug-in."""
    from presets.bank import FACTORY_BANK, Bank

    return Bank(FACTORY_BANK).names.index(preset) + 1


def configured(home: Path) -> dict[str, str]:
    """Set up an environment in which the plug-in finds this Python."""
    from plugin_backend.daw_plugin.config import PluginConfig, write_config

    write_config(PluginConfig(sys.executable), home / "plugin.conf")
    return os.environ | {"PISADA_PLUGIN_CONFIG": str(home / "plugin.conf"), "XDG_CACHE_HOME": str(home / "cache")}


def built_probe(folder: Path) -> Path:
    """Return the compiled command-line host."""
    from plugin_backend.daw_plugin.cpp_header import cpp_header

    (folder / "pisada_tables.h").write_text(cpp_header())
    sources = [*sorted((NATIVE / "bridge").glob("*.cpp")), NATIVE / "test_host" / "test_host.cpp"]
    command = ["c++", "-std=c++17", "-O2", f"-I{NATIVE}", f"-I{folder}", *sources, "-o", folder / "probe", "-pthread"]
    subprocess.run([*map(str, command), "-ldl"], check=True)
    return folder / "probe"


def built_gain(sdk: Path | None, cache: Path) -> Path:
    """Return the empty plug-in's bundle; the first build takes minutes."""
    from plugin_backend.daw_plugin.juce_sdk import find_sdk

    own = cache / "gain"
    juce = find_sdk(sdk, cache, print)
    configure = ["cmake", "-G", "Ninja", "-S", ROOT / "benchmarks" / "native", "-B", own, f"-DJUCE_DIR={juce}"]
    for command in ([*configure, "-DCMAKE_BUILD_TYPE=Release"], ["cmake", "--build", own]):
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    return next(own.rglob("Gain.vst3"))


def request_realtime() -> None:
    """Request SCHED_FIFO for the host's process, but not for its children. If it is refused, say so and continue."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except OSError:
        print("real-time priority was refused", file=sys.stderr)


def of_bridge(probe: Path, environment: dict[str, str], count: int, channels: int, seconds: float) -> list[float]:
    """Return p50, p99 and max of the bridge's call, late hops and hops."""
    with tempfile.TemporaryDirectory() as folder:
        sound, script = Path(folder) / "in.f32", Path(folder) / "script"
        noise(channels, seconds).tofile(sound)
        script.write_text(f"0 param preset {number_of(PRESET)}\n")
        options = {"channels": channels, "frames": int(seconds * RATE_HZ), "in": sound, "script": script}
        options |= {"instances": count, "blocks": BLOCK, "rate": RATE_HZ}
        words = [str(probe), *(str(part) for name, value in options.items() for part in (f"--{name}", value))]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True,
                              preexec_fn=request_realtime)  # fmt: skip
    instances = json.loads(done.stdout)["instances"]
    times = [max(one["us"][name] for one in instances) for name in ("p50", "p99", "max")]
    return [*times, sum(one["late"] for one in instances), sum(one["hops"] for one in instances)]


def paced(calls: list[Callable[[np.ndarray], object]], sound: np.ndarray) -> list[float]:
    """Return p50, p99 and max of a call, late calls and calls.

    Each call gets a block when it is due, or as fast as possible.
    """
    times, late = [], 0
    due = time.perf_counter()
    for piece in np.split(sound, sound.shape[1] // BLOCK, axis=1):
        begun = time.perf_counter()
        for call in calls:
            before = time.perf_counter()
            call(piece)
            times.append(1e6 * (time.perf_counter() - before))
        late += len(calls) * (time.perf_counter() - begun > BLOCK / RATE_HZ)
        due += BLOCK / RATE_HZ
        time.sleep(max(0.0, due - time.perf_counter()))
    return [*np.percentile(times, (50, 99)), max(times), late, len(times)]


def of_engines(count: int, channels: int, seconds: float) -> list[float]:
    """Measure the backend's engines in this process."""
    from plugin_backend.models.registry import load_codec
    from presets.bank import FACTORY_BANK, Bank
    from render.plugin_server.engine_factory import make_engine
    from render.plugin_server.preset_slots import PresetPool

    codec, shelf, parameters = load_codec("foley"), PresetPool(Bank(FACTORY_BANK)), values()
    engines = [make_engine("effect", codec, shelf, RATE_HZ, channels, BLOCK, 0) for _ in range(count)]
    calls = [lambda piece, own=own: own.push(piece, parameters, [], True) for own in engines]
    for call in calls:
        call(noise(channels, 0.1)[:, :BLOCK])
    figures = paced(calls, noise(channels, seconds))
    for engine in engines:
        engine.close()
    return figures


def of_hosted(bundle: Path, count: int, channels: int, seconds: float, **settings: float) -> list[float]:
    """Measure a VST3 in pedalboard."""
    from pedalboard import load_plugin

    plugins = [load_plugin(str(bundle)) for _ in range(count)]
    calls = [lambda piece, own=own: own.process(piece, RATE_HZ, BLOCK, reset=False) for own in plugins]
    for plugin, call in zip(plugins, calls, strict=True):
        for name, value in settings.items():
            plugin.parameters[name].raw_value = value
        for piece in np.split(noise(channels, 0.5)[:, : 40 * BLOCK], 40, axis=1):
            call(piece)
    return paced(calls, noise(channels, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--channels", type=int, default=1, help="of bridge, engine and plug-in; the gain has two")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--sdk", type=Path, help="JUCE's folder, as for `pisada plugin build`")
    parser.add_argument("--bundle", type=Path, help="Pisada.vst3, in place of one built")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    request_realtime()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {given.channels} channel(s)")
    print("\n| | instances | µs a block p50 | p99 | max | late |\n|---|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environment = configured(home)
        os.environ.update(environment)
        for part in given.only or PARTS:
            measure = measures(part, given, home, environment)
            for count in INSTANCES:
                *times, late, blocks = measure(count)
                cells = " | ".join(f"{value:.0f}" for value in times)
                print(f"| {part} | {count} | {cells} | {late:.0f} of {blocks:.0f} |", flush=True)


def measures(part: str, given: argparse.Namespace, home: Path, environment: dict) -> Callable[[int], list[float]]:
    """Return the function that measures a part, for a number of instances."""
    from plugin_backend.daw_plugin.build import build, build_cache

    if part == "bridge":
        probe = built_probe(home)
        return lambda count: of_bridge(probe, environment, count, given.channels, given.seconds)
    if part == "engine":
        return lambda count: of_engines(count, given.channels, given.seconds)
    if part == "gain":
        bundle = built_gain(given.sdk, build_cache())
        return lambda count: of_hosted(bundle, count, 2, given.seconds)
    from plugin_backend.daw_plugin.parameters import MOST_PRESETS

    if not (bundle := given.bundle):
        build(home / "bundles", ("VST3",), given.sdk)
        bundle = home / "bundles" / "Pisada.vst3"
    return lambda count: of_hosted(
        bundle, count, given.channels, given.seconds, preset=number_of(PRESET) / MOST_PRESETS
    )


if __name__ == "__main__":
    main()
