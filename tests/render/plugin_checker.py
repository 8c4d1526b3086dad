"""The checks of a plug-in validator. ``pluginval`` and Steinberg's validator are not in Debian.

Run it by path, with the bundle and a folder. It prints, as JSON, the messages of each failed check. The model must be
the identity codec, because its output is known.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import dawdreamer
import numpy as np
import pedalboard

RATE, COUNT = 48_000, 8_192
RNG = np.random.default_rng(11)
NOISE = (RNG.standard_normal((2, COUNT)) * 0.1).astype(np.float32)
OPENED = 30
KEPT, SOURCES = [], []
"""DawDreamer's engines and sounds: whose engine is gone, that processor crashes."""


def in_dawdreamer(bundle: str, block: int = 512):
    engine = dawdreamer.RenderEngine(RATE, block)
    KEPT.append((engine, engine.make_plugin_processor("it", bundle)))
    return KEPT[-1]


def load(engine, plugin, sound: np.ndarray) -> None:
    source = engine.make_playback_processor(f"in{len(SOURCES)}", sound)
    SOURCES.append(source)
    engine.load_graph([(source, []), (plugin, [source.get_name()])])


def rendered(engine, plugin, sound: np.ndarray) -> np.ndarray:
    load(engine, plugin, sound)
    engine.render((sound.shape[1] + 0.5) / RATE)
    return engine.get_audio()


def own_rows(plugin) -> list[dict]:
    return [row for row in plugin.get_parameters_description() if not row["name"].startswith("MIDI CC")]


def backends() -> int:
    """Keepers that this process started."""
    found = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found += int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid()
        except OSError:  # it ended
            continue
    return found


def opens_and_closes(bundle: str) -> Iterator[str]:
    for turn in range(OPENED):
        plugin = pedalboard.load_plugin(bundle)
        if turn % 10 == 0 and not np.isfinite(plugin(NOISE[:, :2_048], RATE)).all():
            yield f"turn {turn}: not finite"
        del plugin
        if backends() > 1:
            yield f"turn {turn}: {backends()} backends"


def prepares_for_other_blocks_and_rates(bundle: str) -> Iterator[str]:
    plugin = pedalboard.load_plugin(bundle)
    requested = [(RATE, 512), (RATE, 64), (RATE, 4_096), (44_100, 333), (192_000, 512), (RATE, 1_000), (RATE, 7)]
    for rate, block in requested:
        output = plugin(NOISE, rate, buffer_size=block)
        if rate == RATE and not np.array_equal(output, NOISE):
            yield f"{rate} Hz, {block}: not what went in"
        if not np.isfinite(output).all() or np.abs(output).max() < 0.05:
            yield f"{rate} Hz, {block}: no sound"


def hears_anything(bundle: str) -> Iterator[str]:
    strange = {
        "silence": np.zeros((2, COUNT), np.float32),
        "denormals": np.full((2, COUNT), 1e-40, np.float32),
        "full scale and beyond": RNG.choice(np.float32([-1, 1, 4, -1e30]), (2, COUNT)),
        "not a number": RNG.choice(np.float32([np.nan, np.inf, -np.inf, 0.1]), (2, COUNT)),
    }
    for name, sound in strange.items():
        engine, plugin = in_dawdreamer(bundle)
        output = rendered(engine, plugin, sound)
        if not np.isfinite(output).all():
            yield f"{name}: not finite"
        if name in ("silence", "denormals") and np.abs(output).max() > 1e-37:
            yield f"{name}: {np.abs(output).max():g}"
        if plugin.get_parameter_text(_at(plugin, "Failed")) != "no":
            yield f"{name}: failed"


def _at(plugin, name: str) -> int:
    return next(row["index"] for row in own_rows(plugin) if row["name"] == name)


def takes_any_parameters(bundle: str) -> Iterator[str]:
    engine, plugin = in_dawdreamer(bundle)
    rows = [row for row in own_rows(plugin) if row["isAutomatable"]]
    for turn in range(20):
        for row in rows:
            plugin.set_parameter(row["index"], float(RNG.choice([0, 1, -1, 2, 1e9, RNG.random(), RNG.random()])))
            shown = plugin.get_parameter_text(row["index"])
            if shown[:1] not in set("-0123456789on"):  # a number, "on", "off", "no"
                yield f"{row['name']}: '{shown}'"
        if not np.isfinite(rendered(engine, plugin, NOISE)).all():
            yield f"turn {turn}: not finite"


def keeps_what_is_set(bundle: str) -> Iterator[str]:
    _, plugin = in_dawdreamer(bundle)
    for row in own_rows(plugin):
        if not row["isAutomatable"]:
            continue
        for value in (0.0, 1.0, row["defaultValue"]):
            plugin.set_parameter(row["index"], value)
            if abs(plugin.get_parameter(row["index"]) - value) > 1e-6:
                yield f"{row['name']}: {value} became {plugin.get_parameter(row['index'])}"
        if plugin.get_parameter_text(row["index"]) != row["defaultValueText"]:
            yield f"{row['name']}: its default reads {plugin.get_parameter_text(row['index'])}"


def is_automated_at_every_block(bundle: str) -> Iterator[str]:
    engine, plugin = in_dawdreamer(bundle, 64)
    for row in own_rows(plugin):
        if row["isAutomatable"]:
            plugin.set_automation(row["index"], np.repeat(RNG.random(COUNT // 32), 64).astype(np.float32))
    output = rendered(engine, plugin, NOISE)
    if not np.isfinite(output).all() or not output.any():
        yield "no sound"


def takes_any_state(bundle: str) -> Iterator[str]:
    plugin = pedalboard.load_plugin(bundle)
    plugin.dry_wet = 0.5
    whole = plugin.raw_state
    for turn in range(60):
        bad = bytearray(whole)
        for at in RNG.integers(len(bad), size=RNG.integers(1, 40)):
            bad[at] = RNG.integers(256)
        cut = len(bad) if turn % 2 else int(RNG.integers(len(bad)))
        try:
            plugin.raw_state = bytes(bad[:cut])
        except (RuntimeError, ValueError):  # pedalboard's own refusal
            continue
        if not 0 <= plugin.dry_wet <= 1:
            yield f"turn {turn}: {plugin.dry_wet}"
    plugin.raw_state = whole
    if plugin.dry_wet != 0.5 or not np.isfinite(plugin(NOISE, RATE)).all():
        yield "the good state after bad ones is not taken"


def has_mono_and_stereo_only(bundle: str) -> Iterator[str]:
    """What it refuses, and is handed all the same, does no harm."""
    for ins, outs in ((1, 1), (1, 2), (2, 1), (4, 4), (6, 6), (0, 2)):
        engine, plugin = in_dawdreamer(bundle)
        if plugin.set_bus(ins, outs) != (ins == outs == 1):
            yield f"{ins} in, {outs} out: {'refused' if ins == outs == 1 else 'taken'}"
        if ins and not np.isfinite(rendered(engine, plugin, np.repeat(NOISE[:1], ins, axis=0))).all():
            yield f"{ins} in, {outs} out: not finite"


def plays_in_many_threads(bundle: str) -> Iterator[str]:
    """Loaded in the main thread: DawDreamer loads no plug-in in another."""
    made, wrong = [in_dawdreamer(bundle) for _ in range(4)], []
    for engine, plugin in made:
        load(engine, plugin, NOISE)

    def play(engine, plugin) -> None:
        for _ in range(5):
            engine.render((COUNT + 0.5) / RATE)
            late = plugin.get_latency_samples()
            if not np.array_equal(engine.get_audio()[:, late:], NOISE[:, : COUNT - late]):
                wrong.append("not what went in")

    threads = [threading.Thread(target=play, args=own) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield from wrong


CHECKS = (
    opens_and_closes,
    prepares_for_other_blocks_and_rates,
    hears_anything,
    takes_any_parameters,
    keeps_what_is_set,
    is_automated_at_every_block,
    takes_any_state,
    has_mono_and_stereo_only,
    plays_in_many_threads,
)

if __name__ == "__main__":
    failed = {}
    for check in CHECKS:
        print(check.__name__, file=sys.stderr, flush=True)
        if printed := list(check(sys.argv[1])):
            failed[check.__name__] = printed[:5]
    print(json.dumps(failed), flush=True)
    os._exit(0)  # the host's own clean-up is not tested here
