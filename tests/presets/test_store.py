"""Preset files of every schema, checked header fields, and the digest of the audible fields."""

import re
from pathlib import Path

import numpy as np
import pytest

from plugin_backend.errors import PresetError
from presets.preset import Provenance, Recording, RingControls, Take, sound_digest
from presets.store import SCHEMA, SUFFIX, UPGRADES, load_preset
from tests.presets.preset_maker import make_preset

GOLDEN = Path(__file__).with_name("golden")
"""A file of each schema, named after it. These files must never be written again."""


def test_there_is_a_golden_file_of_every_schema():
    files = sorted(path.name for path in GOLDEN.iterdir())
    assert files == [f"schema-{number}{SUFFIX}" for number in range(1, SCHEMA + 1)]
    assert sorted(UPGRADES) == list(range(1, SCHEMA))


@pytest.mark.parametrize("number", range(1, SCHEMA + 1))
def test_a_preset_of_every_schema_reads_as_it_was_written(number):
    preset = load_preset(GOLDEN / f"schema-{number}{SUFFIX}")
    header = preset.header
    kind, stereo, width = ("hit", False, 1.0) if number < 4 else ("texture", True, 0.25)
    assert (header.kind, header.codec, header.fingerprint) == (kind, "foley", "0123456789abcdef")
    assert header.takes == [Take(7, 1500), Take(0, 900)]
    assert (header.description, header.credit, header.program) == ("Tür, größer", "Anna (CC0-1.0)", 5)
    assert (header.variation, header.gain_db, header.stereo, header.width) == (0.5, -3.25, stereo, width)
    assert header.velocity_curve == (1.0 if number < 5 else 0.5)
    assert (header.fade_in_samples, header.fade_out_samples) == (48, 480)
    assert (header.scale, header.bias) == ([1.0, 0.5], [0.0, -0.25])
    np.testing.assert_array_equal(preset.means[0], np.arange(6).reshape(3, 2) / 8)
    np.testing.assert_array_equal(preset.means[1], np.arange(10, 14).reshape(2, 2) / 8)
    assert [(np.unique(deviation)).tolist() for deviation in preset.deviations] == [[0.25], [0.5]]
    if number == 1:
        assert (header.licence, header.tags, header.material, header.chain) == ("", [], "", [])
        assert header.provenance is None
    else:
        assert (header.licence, header.tags, header.material) == ("CC0-1.0", ["door", "old"], "wood")
        assert [effect["type"] for effect in header.chain] == ["eq", "lfo"]
        assert header.provenance.recordings == [Recording("door 1.wav", "ab" * 16)]
        assert (header.provenance.most_takes, header.provenance.even) == (8, True)
    if number < 3:
        assert (preset.modes, header.ring, header.low_cut_hz) == ([], RingControls(), 0.0)
    else:
        message = [[7, 880, 1.5, 0.25, 0.5, 0], [64, 1_234.5, 0, 0.125, -1, 2_048]]
        assert [rows.tolist() for rows in preset.modes] == [message, []]
        assert header.ring == RingControls(gain_db=-3.0, pitch_semitones=1.0, size=2.0, damping=0.5, strike=0.25)
        assert header.low_cut_hz == 25.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tags": ["Wood"]}, "'Wood' is not a tag or material: 1 to 32 of a-z"),
        ({"tags": ["a", "a"]}, "2 tags; at most 32 can be used, each once"),
        ({"material": "x" * 33}, "is not a tag or material"),
        ({"chain": [{"type": "reverb"}]}, "effect 1 of its chain is 'reverb'; eq, lfo, pulses, adsr, gain can be used"),
        ({"chain": [{"low_cut_hz": 80.0}]}, "effect 1 of its chain is 'None'"),
        ({"chain": [{"type": "gain"}, {"type": "eq", "low_cut_hz": "x"}]}, "effect 2 of its chain, eq: low_cut_hz 'x'"),
        ({"chain": [{"type": "eq", "q": 1.0}]}, "effect 1 of its chain, eq: no setting 'q'"),
        ({"chain": [{"type": "gain"}] * 9}, "a chain of 9 effects; at most 8"),
        ({"provenance": Provenance(made="capture", recordings=[Recording("../x", "ab" * 16)])}, "recordings"),
        ({"provenance": Provenance(made="capture", recordings=[Recording("x", "AB")])}, "digest"),
    ],
)
def test_words_chain_and_provenance_are_checked(fields, message):
    with pytest.raises(PresetError, match=re.escape(message)):
        make_preset(**fields)


def test_a_chain_is_part_of_the_sound_and_words_are_not():
    plain = sound_digest(make_preset())
    assert sound_digest(make_preset(tags=["a"], material="wood", licence="CC0-1.0")) == plain
    louder = [sound_digest(make_preset(chain=[{"type": "gain", "gain_db": gain}])) for gain in (1.0, 2.0)]
    assert len({plain, *louder}) == 3


def test_a_width_is_part_of_the_sound_only_where_it_is_not_1():
    texture = {"kind": "texture", "stereo": True}
    digests = [sound_digest(make_preset(**texture, width=width)) for width in (1.0, 0.5, 0.0)]
    assert len(set(digests)) == 3
    before_there_was_a_width = "94c788f4f563433472d378f6ee5673d3"
    assert digests[0] == sound_digest(make_preset(**texture)) == before_there_was_a_width
