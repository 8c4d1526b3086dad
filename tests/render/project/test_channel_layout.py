"""Mono, stereo, LCR and 5.1 stems: masks as bytes, pans as levels."""

import struct
from datetime import datetime

import numpy as np
import pytest
from scipy.io import wavfile

from plugin_backend.errors import ProjectError
from render.project.channel_layout import LAYOUTS, pan_gains
from render.project.effect_schema import Compressor, Filter, Plugin, Reverb
from render.project.project import Stem
from render.wav.metadata import FileMetadata
from render.wav.stem_writer import StemFile, StemWriter

MASKS = {"mono": 0x4, "stereo": 0x3, "lcr": 0x7, "5.1": 0x3F}
SUBFORMATS = {16: 1, 24: 1, 32: 3}
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
CENTRE = 0.5 * 0.5**0.5


@pytest.mark.parametrize("bits", SUBFORMATS)
@pytest.mark.parametrize("layout", MASKS)
def test_the_format_chunk_says_which_speakers(layout, bits, tmp_path, read_chunks):
    slate = FileMetadata("SHOW", "R1", "TAPE", "", 1, None, datetime(2026, 1, 1))
    file = StemFile("A", "A", LAYOUTS[layout], bits, 48_000, 0, 10, slate)
    with StemWriter(tmp_path / "a.wav", file) as writer:
        writer.write(np.zeros((LAYOUTS[layout].channels, 10)))
    found, block = read_chunks(tmp_path / "a.wav")["fmt "], LAYOUTS[layout].channels * bits // 8
    assert struct.unpack_from("<HHIIHH", found) == (0xFFFE, block * 8 // bits, 48_000, 48_000 * block, block, bits)
    assert struct.unpack_from("<HHIH", found, 16) == (22, bits, MASKS[layout], SUBFORMATS[bits])
    assert found[26:] == GUID_TAIL


@pytest.mark.parametrize("layout", ["stereo", "lcr", "5.1"])
def test_pans_have_constant_power_and_leave_lfe_and_surrounds_silent(layout):
    for pan in np.linspace(-1, 1, 41):
        assert (pan_gains(pan, LAYOUTS[layout], 1) ** 2).sum() == pytest.approx(1, abs=1e-12)
    assert pan_gains(0.3, LAYOUTS[layout], 1).shape == (min(3, LAYOUTS[layout].channels), 1)


def panned(layout, write_sheet, render_sheet, pans=(-1, -0.5, 0, 0.5, 1)) -> np.ndarray:
    """What a click of 0.5 becomes at each pan, ``[pans, channels]``."""
    rows = [
        {"id": f"c{i}", "start": f"{1000 * i + 100}smp", "stem": "A", "preset": "click", "pan": pan}
        for i, pan in enumerate(pans)
    ]
    stems, _ = render_sheet(write_sheet(rows), layout=layout)
    audio = stems["A"].reshape(len(stems["A"]), -1)
    assert np.array_equal(stems["FOLEY"].reshape(audio.shape), audio)
    return audio[[1000 * i + 100 for i in range(len(pans))]]


def test_a_pan_goes_from_left_through_centre_to_right(write_sheet, render_sheet):
    expected = [[0.5, 0, 0], [CENTRE, 0, CENTRE], [0, 0, 0.5], [0, CENTRE, CENTRE], [0, 0.5, 0]]
    np.testing.assert_allclose(panned("lcr", write_sheet, render_sheet), expected, atol=1e-6)


def test_a_5_1_stem_pans_in_front(write_sheet, render_sheet):
    found = panned("5.1", write_sheet, render_sheet)
    expected = [[0.5, 0, 0], [CENTRE, 0, CENTRE], [0, 0, 0.5], [0, CENTRE, CENTRE], [0, 0.5, 0]]
    np.testing.assert_allclose(found[:, :3], expected, atol=1e-6)
    assert not found[:, 3:].any()


def test_a_mono_stem_has_no_pan(write_sheet, render_sheet):
    assert panned("mono", write_sheet, render_sheet).tolist() == [[0.5]] * 5


def test_a_stereo_cue_keeps_to_the_sides():
    for name, expected in {
        "mono": [[0.5**0.5, 0.5**0.5]],
        "stereo": [[1, 0], [0, 1]],
        "lcr": [[1, 0], [0, 1], [0, 0]],
        "5.1": [[1, 0], [0, 1], [0, 0]],
    }.items():
        np.testing.assert_allclose(pan_gains(0, LAYOUTS[name], 2), expected, atol=1e-12)
    np.testing.assert_allclose(pan_gains(1, LAYOUTS["lcr"], 2), [[0, 0], [0, 1], [0, 0]], atol=1e-12)


MIXED = [
    {"id": "a", "start": "100smp", "stem": "MONO", "preset": "click"},
    {"id": "b", "start": "200smp", "stem": "WIDE", "preset": "click", "pan": -1},
    {"id": "c", "start": "200smp", "stem": "SURR", "preset": "click", "pan": 0},
]


def test_stems_of_many_layouts_sum_speaker_by_speaker(write_sheet, render_sheet):
    stems, report = render_sheet(
        write_sheet(MIXED),
        stems=[Stem(name="MONO", layout="mono"), Stem(name="WIDE"), Stem(name="SURR", layout="5.1")],
    )
    assert [len(np.atleast_2d(stems[name].T)) for name in ("MONO", "WIDE", "SURR", "FOLEY")] == [1, 2, 6, 6]
    assert stems["FOLEY"][100].tolist() == [0, 0, 0.5, 0, 0, 0]
    assert stems["FOLEY"][200].tolist() == [0.5, 0, 0.5, 0, 0, 0]
    assert report["sum_check"]["largest_error"] == 0


def test_a_mono_stem_beside_a_stereo_one_is_centred_in_the_sum(write_sheet, render_sheet):
    stems, report = render_sheet(write_sheet(MIXED[:2]), stems=[Stem(name="MONO", layout="mono"), Stem(name="WIDE")])
    np.testing.assert_allclose(stems["FOLEY"][100], [CENTRE] * 2, atol=2**-23)
    assert 0 < report["sum_check"]["largest_error"] <= 2**-24


@pytest.mark.parametrize("effect", [Reverb(), Compressor(), Plugin(path="urn:x")], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("layout", ["lcr", "5.1"])
def test_a_stereo_effect_on_a_wider_stem_is_refused(layout, effect, write_sheet, render_sheet):
    with pytest.raises(ProjectError, match=f"stem A: {type(effect).__name__.lower()} is stereo and cannot run on"):
        render_sheet(
            write_sheet(MIXED[:1]),
            stems=[Stem(name="MONO", effects=[]), Stem(name="A", effects=[effect])],
            layout=layout,
        )


@pytest.mark.parametrize("layout", ["mono", "lcr", "5.1"])
def test_a_filter_does_to_every_channel_what_it_does_in_stereo(layout, write_sheet, render_sheet):
    rows = [
        {"id": "l", "start": "100smp", "stem": "A", "preset": "click", "pan": -1},
        {"id": "c", "start": "30000smp", "stem": "A", "preset": "click", "pan": 0},
    ]
    stems = [Stem(name="A", effects=[Filter(frequency_hz=400)])]
    stereo, _ = render_sheet(write_sheet(rows), stems=stems, bits=32)
    wide, _ = render_sheet(write_sheet(rows), stems=stems, bits=32, layout=layout, out="wide")
    reference = stereo["A"][100:20_000, 0]
    audio = wide["A"].reshape(len(stereo["A"]), -1)
    centre = 0 if layout == "mono" else 2
    np.testing.assert_allclose(audio[100:20_000, 0], reference, atol=1e-7)
    np.testing.assert_allclose(audio[30_000:49_900, centre], reference, atol=1e-6)
    assert np.abs(reference[1:100]).max() > 0.001


def test_a_reverb_on_a_mono_stem_is_the_mean_of_its_sides(write_sheet, render_sheet):
    rows = [{"id": "a", "start": "0.1", "stem": "A", "preset": "burst"}]
    stems = [Stem(name="A", effects=[Reverb(width=1.0)])]
    stereo, _ = render_sheet(write_sheet(rows), stems=stems, bits=32)
    mono, _ = render_sheet(write_sheet(rows), stems=stems, bits=32, layout="mono", out="mono")
    np.testing.assert_allclose(mono["A"], stereo["A"].mean(axis=1) * 2**0.5, atol=1e-6)


def test_another_library_reads_the_channels_in_order(tmp_path, write_sheet, render_sheet):
    rows = [{"id": "a", "start": "10smp", "stem": "A", "preset": "click", "pan": 1}]
    _, report = render_sheet(write_sheet(rows), layout="lcr", bits=16)
    with pytest.warns(wavfile.WavFileWarning, match="not understood"):  # bext
        rate, audio = wavfile.read(tmp_path / "out" / report["stems"]["A"]["file"])
    assert rate == 48_000
    assert np.abs(audio[10] - np.array([0, 2**14, 0])).max() <= 1
