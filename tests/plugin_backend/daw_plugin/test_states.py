"""The built plug-ins' states in hosts, without a backend: saved, restored, damaged and hostile."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest

from plugin_backend.daw_plugin.parameters import EFFECT, INSTRUMENT, of_kind
from tests.plugin_backend.host_scripts import DAWDREAMER, PEDALBOARD, hosted, of_product

ALPHABET = b".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"
"""Six bits each, of JUCE's own encoding of what a plug-in saved."""


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
    result, errors = hosted(RESTORE, of_product(bundles, EFFECT), *paths, tmp_path=tmp_path)
    return [(mix, text, decoded(bytes.fromhex(raw))) for mix, text, raw in result], errors


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
def test_a_preset_that_cannot_be_saved_is_reported(built_bundles, tmp_path):
    (_, (_, text, again)), errors = restored(
        built_bundles, tmp_path, saved(), saved(inside='<parameter id="preset" value="7"/>')
    )
    assert (text, "<preset" in again) == ("7", False)
    assert errors.count("pisada: preset 7 is saved by its number only") == 1


@pytest.mark.juce
def test_a_state_of_a_newer_version_is_not_read_and_returned_unchanged(built_bundles, tmp_path):
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
    result, errors = restored(built_bundles, tmp_path, saved(), *bad)
    assert [mix for mix, _, _ in result] == [0.25] * len(result)
    assert errors.count("nothing was changed") == len(bad)


@pytest.mark.juce
@pytest.mark.slow
def test_a_preset_too_big_changes_nothing(built_bundles, tmp_path):
    big = saved(inside='<preset slot="a" number="7" name="x">' + "A" * 24_000_000 + "</preset>").replace("0.25", "0.5")
    result, errors = restored(built_bundles, tmp_path, saved(), big)
    assert [mix for mix, _, _ in result] == [0.25, 0.25]
    assert "a preset in the saved session is damaged or too big: nothing was changed" in errors


@pytest.mark.juce
def test_values_out_of_range_end_in_range(built_bundles, tmp_path):
    strange = saved(inside='<parameter id="mix" value="1e30"/><parameter id="preset" value="-4"/>')
    unknown = saved(inside='<parameter id="mix" value="nan"/><parameter id="nothing" value="1"/><x/>')
    result, errors = restored(built_bundles, tmp_path, strange, unknown)
    assert [row[:2] for row in result] == [(1.0, "0 none"), (0.25, "0 none")]
    assert "nothing was changed" not in errors
