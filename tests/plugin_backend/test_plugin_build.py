"""The built plug-ins as hosts see them, without a backend: tables, parameters, layouts, states good and bad."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest

from plugin_backend.errors import PluginError
from plugin_backend.plugin import build as building
from plugin_backend.plugin import memory, sdk
from plugin_backend.plugin.header import cpp_header
from plugin_backend.plugin.parameters import EFFECT, INSTRUMENT, PLUGIN_PARAMETERS, of_kind
from tests.plugin_backend.plugin_probe import ROOT, STAND_IN

PRODUCTS = {EFFECT: "Pisada", INSTRUMENT: "Pisada Instrument"}
ALPHABET = b".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"
"""Six bits each, of JUCE's own encoding of what a plug-in saved."""


def test_the_header_holds_the_tables(tmp_path):
    if not shutil.which("c++"):
        pytest.skip("a C++ compiler is needed (Debian: apt-get install g++)")
    (tmp_path / "pisada_tables.h").write_text(cpp_header())
    (tmp_path / "print.cpp").write_text(
        '#include <cstdio>\n#include "pisada_tables.h"\nint main() { using namespace pisada::tables;\n'
        '    std::printf("%u %u %u %zu %zu\\n", magic, slots, mostEvents, slot_input, header_answered);\n'
        '    for (auto& p : parameters) std::printf("%s|%s|%s|%s|%.9g|%.9g|%.9g|%d|%d|%d\\n", p.id, p.name, p.unit,\n'
        "        p.doc, p.low, p.high, p.initial, int(p.sort), p.effect, p.instrument); }\n"
    )
    subprocess.run(["c++", "-std=c++17", "-o", "print", "print.cpp"], cwd=tmp_path, check=True)
    numbers, *rows = subprocess.run(
        [tmp_path / "print"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    slot = memory.slot_dtype(2, 512)
    told = memory.MAGIC, memory.SLOTS, memory.EVENTS, slot.fields["input"][1], memory.HEADER.fields["answered"][1]
    assert numbers == " ".join(map(str, told))
    sorts = ["continuous", "whole", "switch", "reading"]
    for row, parameter in zip(rows, PLUGIN_PARAMETERS, strict=True):
        own = parameter.row
        fields = row.split("|")
        assert fields[:4] == [parameter.id, parameter.name, own.unit, own.doc]
        assert [np.float32(text) for text in fields[4:7]] == [np.float32(v) for v in (own.low, own.high, own.default)]
        assert fields[7:] == [
            str(sorts.index(parameter.sort)),
            *(str(int(kind in parameter.kinds)) for kind in (EFFECT, INSTRUMENT)),
        ]


def hosted(
    script: str, *arguments: object, tmp_path: Path, interpreter: object = "/nowhere/python"
) -> tuple[dict, str]:
    """What a host of its own, told of an interpreter that is not there, prints as JSON; and its standard error."""
    config = tmp_path / "plugin.conf"
    config.write_text(f"interpreter {interpreter}\n")
    own = {"PISADA_PLUGIN_CONFIG": str(config), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.returncode} {done.stderr[-2000:]}"
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def of_product(bundles: list[Path], kind: str, suffix: str = ".vst3") -> Path:
    return next(path for path in bundles if path.name == PRODUCTS[kind] + suffix)


DAWDREAMER = """
import json, sys
import dawdreamer, numpy as np
engine = dawdreamer.RenderEngine(48_000, 512)
plugin = engine.make_plugin_processor("it", sys.argv[1])
rows = plugin.get_parameters_description()
"""


@pytest.mark.juce
@pytest.mark.parametrize("kind", [EFFECT, INSTRUMENT])
def test_a_host_lists_the_tables_parameters(built_bundles, tmp_path, kind):
    script = DAWDREAMER + "print(json.dumps(rows))"
    rows, _ = hosted(script, of_product(built_bundles, kind), tmp_path=tmp_path)
    wanted = of_kind(kind)
    assert all(row["name"].startswith("MIDI CC") for row in rows[len(wanted) :])  # how controllers reach a VST3
    rows = rows[: len(wanted)]
    assert [row["name"] for row in rows] == [parameter.name for parameter in wanted]
    assert [row["label"] for row in rows] == [parameter.row.unit for parameter in wanted]
    assert [row["isAutomatable"] for row in rows] == [parameter.sort != "reading" for parameter in wanted]
    assert [row["isDiscrete"] for row in rows] == [parameter.sort != "continuous" for parameter in wanted]
    words = {"on": 1, "off": 0, "no": 0, "failed": 1, "0 none": 0}
    for row, parameter in zip(rows, wanted, strict=True):
        shown = [float(words.get(row[key], row[key])) for key in ("min", "max", "defaultValueText")]
        assert shown == [parameter.row.low, parameter.row.high, parameter.row.default], parameter.id
    steps = {row["name"]: row["numSteps"] for row in rows if row["isDiscrete"]}
    assert steps == {p.name: p.row.high - p.row.low + 1 for p in wanted if p.sort != "continuous"}


PEDALBOARD = """
import json, sys
import numpy as np, pedalboard
plugin = pedalboard.load_plugin(sys.argv[1])
"""


@pytest.mark.juce
def test_another_host_sets_them_in_their_units(built_bundles, tmp_path):
    script = (
        PEDALBOARD
        + """
plugin.smoothing_ms, plugin.output_gain_db, plugin.latent_3_bias, plugin.latent_3_on = 200, -6, 2.4, False
names = "smoothing_ms", "output_gain_db", "latent_3_bias", "latent_3_on", "latent_4_on", "lfo_rate_hz"
print(json.dumps([plugin.is_effect, {name: plugin.parameters[name].string_value for name in names}]))
"""
    )
    (is_effect, values), _ = hosted(script, of_product(built_bundles, EFFECT), tmp_path=tmp_path)
    assert is_effect
    assert float(values.pop("smoothing_ms")) == pytest.approx(200, abs=2)  # it sets one of a thousand steps
    assert float(values.pop("output_gain_db")) == pytest.approx(-6, abs=0.05)
    assert float(values.pop("latent_3_bias")) == pytest.approx(2.4, abs=0.01)
    assert values == {"latent_3_on": "off", "latent_4_on": "on", "lfo_rate_hz": "4.00"}


@pytest.mark.juce
def test_what_a_user_types_is_a_value_in_range_or_changes_nothing(built_bundles, tmp_path):
    script = (
        PEDALBOARD
        + """
plugin.output_gain_db, plugin.parameters["morph_target"].raw_value = -6, 9 / 255
asked = {"lfo_rate_hz": "0", "smoothing_ms": "-5", "output_gain_db": "-inf", "dry_wet": "9", "morph_target": "12 of it"}
told = {name: plugin.parameters[name].get_raw_value_for_text(text) for name, text in asked.items()}
names = "output_gain_db", "morph_target"
as_they_were = [plugin.parameters[name].raw_value for name in names]
told |= {name + " 2": plugin.parameters[name].get_raw_value_for_text("no number") for name in names}
print(json.dumps([told, as_they_were]))
"""
    )
    (told, (gain, preset)), _ = hosted(script, of_product(built_bundles, EFFECT), tmp_path=tmp_path)
    low = {"lfo_rate_hz": 0, "smoothing_ms": 0, "output_gain_db": 0, "dry_wet": 1, "morph_target": 12 / 255}
    assert told == pytest.approx(low | {"output_gain_db 2": gain, "morph_target 2": preset}, abs=1e-6)
    assert 0 < gain < 1 and 0 < preset < 1


@pytest.mark.juce
def test_states_go_from_one_instance_to_another(built_bundles, tmp_path):
    script = (
        DAWDREAMER
        + """
rows = rows[:int(sys.argv[3])]
values = {row["index"]: 0.25 + row["index"] / 128 for row in rows[:-1]}
for index, value in values.items():
    plugin.set_parameter(index, value)
plugin.save_state(sys.argv[2])
other = engine.make_plugin_processor("other", sys.argv[1])
other.load_state(sys.argv[2])
texts = [[each.get_parameter_text(row["index"]) for row in rows] for each in (plugin, other)]
print(json.dumps([texts, [row["defaultValueText"] for row in rows]]))
"""
    )
    for kind in (EFFECT, INSTRUMENT):
        asked = of_product(built_bundles, kind), tmp_path / "state", len(of_kind(kind))
        ((mine, others), initial), _ = hosted(script, *asked, tmp_path=tmp_path)
        assert mine == others
        assert sum(a == b for a, b in zip(mine, initial, strict=True)) < 20  # switches and the like


def encoded(data: bytes) -> bytes:
    """As JUCE's hosts wrap the state of a VST3; what pedalboard's ``raw_state`` takes."""
    bits = np.unpackbits(np.frombuffer(data + bytes(-len(data) % 3), np.uint8), bitorder="little").reshape(-1, 6)
    letters = np.frombuffer(ALPHABET, np.uint8)[bits @ (1 << np.arange(6))][: -(-len(data) * 8 // 6)].tobytes()
    inside = b"<IComponent>%d.%s</IComponent>" % (len(data), letters)
    text = b'<?xml version="1.0" encoding="UTF-8"?> <VST3PluginState>' + inside + b"</VST3PluginState>"
    return b"VC2!" + (len(text) + 1).to_bytes(4, "little") + text + b"\0"


def decoded(raw: bytes) -> str:
    """What the plug-in wrote, out of it; the wrapper's own is after a zero."""
    size, letters = re.search(rb"<IComponent>(\d+)\.([^<]*)<", raw).groups()
    numbers = np.array([ALPHABET.index(letter) for letter in letters], np.uint8)
    bits = numbers[:, None] >> np.arange(6) & 1
    return np.packbits(bits, bitorder="little").tobytes()[: int(size)].partition(b"\0")[0].decode()


def saved(version: int = 1, inside: str = "") -> str:
    mix = '<parameter id="mix" value="0.25"/>'
    return f'<pisada version="{version}" kind="effect" model="m" fingerprint="f">{mix}{inside}</pisada>'


RESTORE = (
    PEDALBOARD
    + """
told = []
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        plugin.raw_state = file.read()
    told.append([plugin.dry_wet, str(plugin.preset), plugin.raw_state.hex()])
    assert np.isfinite(plugin(np.zeros((2, 2048), np.float32), 48_000, 512)).all()
print(json.dumps(told))
"""
)


def restored(bundles: list[Path], tmp_path: Path, *states: str | bytes) -> tuple[list, str]:
    """For each in turn: dry/wet, the preset's text and what is saved then; and what was told."""
    paths = []
    for index, state in enumerate(states):
        paths.append(tmp_path / f"{index}.state")
        paths[-1].write_bytes(encoded(state.encode() if isinstance(state, str) else state))
    told, errors = hosted(RESTORE, of_product(bundles, EFFECT), *paths, tmp_path=tmp_path)
    return [(mix, text, decoded(bytes.fromhex(raw))) for mix, text, raw in told], errors


@pytest.mark.juce
def test_a_state_keeps_the_preset_itself(built_bundles, tmp_path):
    file = b64encode(bytes(range(256)) * 300).decode()
    preset = (
        f'<parameter id="preset" value="7"/><preset slot="a" number="7" name="of elsewhere" digest="d">{file}</preset>'
    )
    ((mix, text, again),), _ = restored(built_bundles, tmp_path, saved(inside=preset))
    assert (mix, text) == (0.25, "7 of elsewhere")
    assert f'number="7" name="of elsewhere" digest="d">{file}</preset>' in again


@pytest.mark.juce
def test_a_preset_that_cannot_be_kept_is_told(built_bundles, tmp_path):
    (_, (_, text, again)), errors = restored(
        built_bundles, tmp_path, saved(), saved(inside='<parameter id="preset" value="7"/>')
    )
    assert (text, "<preset" in again) == ("7", False)
    assert errors.count("pisada: preset 7 is saved by its number only") == 1


@pytest.mark.juce
def test_a_state_of_a_newer_version_is_refused_and_given_back(built_bundles, tmp_path):
    newer = saved(9, "<tomorrow/>").replace("0.25", "0.5")
    (before, (mix, _, again)), errors = restored(built_bundles, tmp_path, saved(), newer)
    assert before[0] == mix == 0.25
    assert again == newer
    assert "its version is 9, this plug-in knows 1" in errors


@pytest.mark.juce
def test_damaged_and_hostile_states_change_nothing(built_bundles, tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>' + saved(inside="&b;")
    bad = [
        b"\xff\xfe\x00junk" * 50,
        "<pisada",
        "<other version='1'/>",
        saved(0),
        saved()[:-20],
        bomb,
        "<a>" * 200_000,
        "<pisada version='1'>" + "<p>" * 100_000,
        saved(inside='<preset slot="a" number="7" name="x">not base64 !</preset>'),
    ]
    told, errors = restored(built_bundles, tmp_path, saved(), *bad)
    assert [mix for mix, _, _ in told] == [0.25] * len(told)
    assert errors.count("nothing was changed") == len(bad)


@pytest.mark.juce
@pytest.mark.slow
def test_a_preset_too_big_changes_nothing(built_bundles, tmp_path):
    big = saved(inside='<preset slot="a" number="7" name="x">' + "A" * 24_000_000 + "</preset>").replace("0.25", "0.5")
    told, errors = restored(built_bundles, tmp_path, saved(), big)
    assert [mix for mix, _, _ in told] == [0.25, 0.25]
    assert "a preset in the saved session is damaged or too big: nothing was changed" in errors


@pytest.mark.juce
def test_values_out_of_range_end_in_range(built_bundles, tmp_path):
    strange = saved(inside='<parameter id="mix" value="1e30"/><parameter id="preset" value="-4"/>')
    unknown = saved(inside='<parameter id="mix" value="nan"/><parameter id="nothing" value="1"/><x/>')
    told, errors = restored(built_bundles, tmp_path, strange, unknown)
    assert [row[:2] for row in told] == [(1.0, "0 none"), (0.25, "0 none")]
    assert "nothing was changed" not in errors


@pytest.mark.juce
def test_without_a_backend_a_render_fails_aloud(built_bundles, tmp_path):
    script = (
        DAWDREAMER
        + """
sound = np.ones((2, 24_000), np.float32)
told = []
for channels in 2, 1:
    plugin.set_bus(channels, channels)
    engine.load_graph([(engine.make_playback_processor("s", sound[:channels]), []), (plugin, ["s"])])
    engine.render(0.25)
    heard = engine.get_audio()
    failed = plugin.get_parameter_text(len(rows) - 1)
    told.append([list(heard.shape), float(abs(heard).max()), failed, plugin.get_latency_samples()])
print(json.dumps(told))
"""
    )
    told, errors = hosted(script, of_product(built_bundles, EFFECT), tmp_path=tmp_path)
    assert told == [[[channels, 12_000], 0.0, "failed", 1024] for channels in (2, 1)]
    assert "there is no backend for an offline render" in errors


@pytest.mark.juce
def test_the_instrument_has_no_input(built_bundles, tmp_path):
    script = DAWDREAMER + "print(json.dumps([plugin.get_num_input_channels(), plugin.get_num_output_channels()]))"
    asked = {kind: of_product(built_bundles, kind) for kind in (EFFECT, INSTRUMENT)}
    layouts = {kind: hosted(script, product, tmp_path=tmp_path)[0] for kind, product in asked.items()}
    assert layouts == {EFFECT: [2, 2], INSTRUMENT: [0, 2]}


@pytest.mark.juce
def test_every_note_of_a_long_block_is_played(built_bundles, tmp_path):
    stand_in = tmp_path / "interpreter"
    (tmp_path / "pids").mkdir()
    stand_in.write_text(
        f"#!/bin/sh\nexport PYTHONPATH='{ROOT}'\nexec '{sys.executable}' '{STAND_IN}' --folder '{tmp_path / 'pids'}'\n"
    )
    stand_in.chmod(0o700)
    script = (
        PEDALBOARD
        + """
notes = [(bytes([0x90, 127, 64]), 5 * number / 48_000) for number in range(1_500)]
heard = plugin(notes, 0.5, 48_000, 2, 8_192)
print(json.dumps([int((row > 0.9).sum()) for row in heard]))
"""
    )
    heard, said = hosted(script, of_product(built_bundles, INSTRUMENT), tmp_path=tmp_path, interpreter=stand_in)
    assert heard == [1_500, 1_500], said


@pytest.mark.juce
def test_the_lv2_names_ranges_and_units_in_turtle(built_bundles):
    for kind in (EFFECT, INSTRUMENT):
        manifest = (of_product(built_bundles, kind, ".lv2") / "manifest.ttl").read_text()
        assert f"<urn:pisada:{kind}>\n\ta lv2:Plugin" in manifest
    turtle = (of_product(built_bundles, EFFECT, ".lv2") / "dsp.ttl").read_text()
    for parameter in of_kind(EFFECT):
        block = next(each for each in turtle.split(" .\n") if f'rdfs:label "{parameter.name}"' in each)
        low, high = (float(re.search(rf"lv2:{name} ([-\d.e]+)", block)[1]) for name in ("minimum", "maximum"))
        assert (low, high) == pytest.approx((parameter.row.low, parameter.row.high))
        places = [float(text) for text in re.findall(r"rdf:value ([-\d.e]+)", block)]
        assert places in ([], [low, high]), parameter.id  # what a host's menu sets


@pytest.mark.juce
def test_nothing_is_built_twice(built_bundles, tmp_path):
    said: list[str] = []
    again = building.build(tmp_path / "out", say=said.append)
    assert said == []
    assert sorted(path.name for path in again) == sorted(path.name for path in built_bundles)
    for path in again:
        other = next(each for each in built_bundles if each.name == path.name)
        files = [file.relative_to(path) for file in path.rglob("*") if file.is_file()]
        assert files
        assert all((path / file).read_bytes() == (other / file).read_bytes() for file in files)


def test_a_build_waits_for_another_and_says_so(tmp_path):
    import fcntl

    said: list[str] = []
    with open(tmp_path / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PluginError, match="no JUCE here"):
            building.build(tmp_path, sdk=tmp_path, cache=tmp_path, say=lambda line: said.append(line) or lock.close())
    assert said == [f"waiting for another build in {tmp_path}"]


def test_a_cmake_folder_of_another_generator_is_begun_anew(tmp_path):
    if not all(map(shutil.which, ("cmake", "ninja", "make"))):
        pytest.skip("cmake, ninja and make are needed (Debian: apt-get install cmake ninja-build make)")
    (tmp_path / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.22)\nproject(it LANGUAGES NONE)\n")
    for generator, made in ("Unix Makefiles", "Makefile"), ("Ninja", "build.ninja"):
        building._configure(tmp_path / "b", ["cmake", "-S", tmp_path, "-B", tmp_path / "b", "-G", generator])
        assert (tmp_path / "b" / made).exists()
    (tmp_path / "CMakeLists.txt").write_text("message(FATAL_ERROR it)\n")
    with pytest.raises(PluginError, match="CMake refuses"):
        building._configure(tmp_path / "b", ["cmake", "-S", tmp_path, "-B", tmp_path / "b"])


def test_another_juce_and_another_system_are_told(tmp_path, monkeypatch):
    (tmp_path / "JUCEConfig.cmake").touch()
    (tmp_path / "JUCEConfigVersion.cmake").write_text('set(PACKAGE_VERSION "8.0.4")\n')
    with pytest.raises(PluginError, match="JUCE 8.0.4, and JUCE 7 is needed: name one with --sdk"):
        building.build(tmp_path / "out", sdk=tmp_path, cache=tmp_path / "cache")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(PluginError, match="it cannot be built on darwin"):
        building.build(tmp_path / "out", sdk=tmp_path, cache=tmp_path / "cache")


def test_an_unpacked_juce_is_told_where_it_is_and_then_left_alone(tmp_path):
    config, usr = tmp_path / "usr" / "lib" / "some-arch" / "cmake" / "JUCE-7.0.5", tmp_path / "usr"
    (usr / "share" / "juce" / "modules").mkdir(parents=True)
    config.mkdir(parents=True)
    (config / "JUCEConfigVersion.cmake").write_text('set(PACKAGE_VERSION "7.0.5")\n')
    (config / "JUCEConfig.cmake").write_text(f'"/usr/share/juce/modules" "/usr/lib/some-arch/cmake/{config.name}/it"\n')
    (config / "it.h.in").write_text('"/usr/stays"')
    mine = sdk.find_sdk(tmp_path, tmp_path / "cache")
    assert (mine / "JUCEConfig.cmake").read_text() == f'"{usr}/share/juce/modules" "{mine}/it"\n'
    assert (mine / "it.h.in").read_text() == '"/usr/stays"'
    before = {path: path.stat().st_ino for path in mine.iterdir()}
    (mine / "JUCEConfig.cmake").write_text("half")
    assert sdk.find_sdk(tmp_path, tmp_path / "cache") == mine
    assert (mine / "JUCEConfig.cmake").read_text() != "half"
    assert {path for path, inode in before.items() if path.stat().st_ino != inode} == {mine / "JUCEConfig.cmake"}


def test_a_folder_without_juce_is_told(tmp_path):
    with pytest.raises(PluginError, match=f"{tmp_path}: no JUCE here"):
        building.build(tmp_path / "out", sdk=tmp_path, cache=tmp_path / "cache")


def test_what_is_missing_is_told_by_package(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sdk.missing_packages() == list(sdk.PROGRAMS)
    with pytest.raises(PluginError, match="no JUCE is installed, and none can be fetched here"):
        sdk.find_sdk(None, tmp_path)


def test_an_unknown_format_is_told(tmp_path):
    with pytest.raises(PluginError, match="no format AAX: VST3, LV2 are built"):
        building.build(tmp_path, formats=["AAX"], cache=tmp_path)
