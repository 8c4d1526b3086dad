"""The built plug-ins as hosts see them, without a real backend: parameters, layouts, notes."""

from __future__ import annotations

import re
import sys

import pytest

from plugin_backend.daw_plugin.parameters import EFFECT, INSTRUMENT, of_kind
from tests.plugin_backend.host_scripts import DAWDREAMER, PEDALBOARD, hosted, of_product
from tests.plugin_backend.plugin_probe import ROOT, STAND_IN


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
    (result, (gain, preset)), _ = hosted(script, of_product(built_bundles, EFFECT), tmp_path=tmp_path)
    low = {"lfo_rate_hz": 0, "smoothing_ms": 0, "output_gain_db": 0, "dry_wet": 1, "morph_target": 12 / 255}
    assert result == pytest.approx(low | {"output_gain_db 2": gain, "morph_target 2": preset}, abs=1e-6)
    assert 0 < gain < 1 and 0 < preset < 1


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
    failed = plugin.get_parameter_text(next(row["index"] for row in rows if row["name"] == "Failed"))
    told.append([list(heard.shape), float(abs(heard).max()), failed, plugin.get_latency_samples()])
print(json.dumps(told))
"""
    )
    result, errors = hosted(script, of_product(built_bundles, EFFECT), tmp_path=tmp_path)
    assert result == [[[channels, 12_000], 0.0, "failed", 1024] for channels in (2, 1)]
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
    output, message_lines = hosted(
        script, of_product(built_bundles, INSTRUMENT), tmp_path=tmp_path, interpreter=stand_in
    )
    assert output == [1_500, 1_500], message_lines


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
