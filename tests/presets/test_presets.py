"""Presets: what is saved comes back, what is damaged is refused, what is performed follows the seed."""

import errno
import os
import re
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from render.engine.make_plan import make_plan
from safetensors.numpy import save_file

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import AudioFileError, OutputError, PresetError
from presets.bank import FACTORY_BANK, Bank
from presets.capture import capture, encode_pieces, even_peaks
from presets.hit_slicing import Slice, split_hits
from presets.lookup import check_model
from presets.mixing import mix_presets
from presets.preset import Preset, PresetHeader, Provenance, Recording, RingControls, Take, check_fits, sound_digest
from presets.store import KEY, SCHEMA, SUFFIX, UPGRADES, load_preset, save_preset
from presets.take_sampling import perform
from render.plan.resolve import read_sheet
from render.project.project import Project


def make_preset(name="door", kind="hit", takes=3, dims=4, frames=50, **fields) -> Preset:
    rng = np.random.default_rng(0)
    means = [rng.standard_normal((frames, dims)).astype(np.float32) for _ in range(takes)]
    deviations = [np.full((frames, dims), 0.1, np.float32) for _ in range(takes)]
    header = PresetHeader(name=name, kind=kind, codec="m", fingerprint="f", takes=[Take(7, 20_000)] * takes, **fields)
    return Preset(header, means, deviations)


def test_saved_presets_come_back_whole(tmp_path):
    preset = make_preset(description="Tür, größer", program=5, scale=[1.0] * 4, bias=[0.5] * 4)
    again = load_preset(save_preset(preset, tmp_path))
    assert again.header == preset.header
    for kept, given in zip(again.means + again.deviations, preset.means + preset.deviations, strict=True):
        np.testing.assert_array_equal(kept, given)
    assert [path.name for path in tmp_path.iterdir()] == ["door.preset.safetensors"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "../evil"}, "a name has 1 to 64"),
        ({"name": "Ünï"}, "a name has 1 to 64"),
        ({"takes": 0}, "no take"),
        ({"scale": [1.0, 2.0]}, "'scale' has 2 numbers; need 4"),
        ({"bias": [float("nan")] * 4}, "'bias' has 4 numbers; need 4, all finite"),
        ({"width": 1.5, "kind": "texture", "stereo": True}, "<= 1.0 - at `[$].width`"),
        ({"width": 0.5}, "its width is 0.5, and only a stereo texture can have another than 1"),
        ({"width": 0.5, "kind": "texture"}, "its width is 0.5, and only a stereo texture"),
        ({"width": 0.0, "stereo": True}, "its width is 0, and only a stereo texture"),
    ],
)
def test_bad_presets_are_refused(fields, told):
    with pytest.raises(PresetError, match=told):
        make_preset(**fields)


SPEC = CodecSpec("m", "f", 48_000, 512, 4, 0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"takes": [Take(10**18, 20_000)] * 3}, "take 0 skips 1000000000000000000 samples of the 25600 it holds"),
        ({"takes": [Take(7, 10**18)] * 3}, "take 0 lasts 1000000000000000000 samples, but holds 25600"),
        ({"takes": [Take(7, 100, 10**18)] * 3}, "take 0 lasts 1000000000000000000 samples"),
        ({"fade_in_samples": 10**18}, "take 0 lasts 1000000000000000000 samples"),
    ],
)
def test_numbers_that_its_latents_do_not_hold_are_refused_before_anything_is_decoded(change, told):
    preset = make_preset()
    check_fits(preset, SPEC)
    changed = Preset(msgspec.structs.replace(preset.header, **change), preset.means, preset.deviations)
    with pytest.raises(PresetError, match=f"preset 'door': {told}"):
        check_fits(changed, SPEC)


def test_latents_of_another_width_are_the_presets_fault_wherever_it_is_used(tmp_path):
    preset = make_preset(dims=3)
    with pytest.raises(PresetError, match="preset 'door': its latents are 3 wide; those of 'm' 4"):
        check_fits(preset, SPEC)
    pcm = msgspec.structs.replace(preset.header, codec="pcm", fingerprint="pcm")
    narrow = Preset(pcm, preset.means, preset.deviations)
    told = "preset 'door': its latents are 3 wide; those of 'pcm' 512"
    save_preset(narrow, tmp_path)
    (tmp_path / "c.csv").write_text("id,start,stem,preset\na,0.0,A,door\n")
    project = Project(bank=str(tmp_path), model="pcm")
    with pytest.raises(PresetError, match=told):
        make_plan(project, read_sheet(tmp_path / "c.csv", project))
    with pytest.raises(PresetError, match=told):
        check_model(narrow, PcmCodec())
    with pytest.raises(PresetError, match=told):
        mix_presets([narrow, narrow], PcmCodec(), "both")


def test_latents_that_no_model_makes_are_refused():
    preset = make_preset()
    for latents in (preset.means, preset.deviations):
        latents[2][0, 0] = 1e38
        with pytest.raises(PresetError, match="take 2: its latents reach past 1e"):
            Preset(preset.header, preset.means, preset.deviations)
        latents[2][0, 0] = 0


def test_a_full_disk_is_told_in_a_line_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="cannot write here \\(No space left on device\\)"):
        save_preset(make_preset(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_was_taken_meanwhile_is_not_replaced(tmp_path):
    path = save_preset(make_preset(), tmp_path, overwrite=False)
    first = path.read_bytes()
    with pytest.raises(OutputError, match="cannot write here \\(File exists\\)"):
        save_preset(make_preset(takes=1), tmp_path, overwrite=False)
    assert path.read_bytes() == first
    assert save_preset(make_preset(takes=1), tmp_path).read_bytes() != first


def test_what_killed_runs_left_in_a_bank_is_swept(tmp_path):
    for name in (".tmpAb12Cd", ".door.preset.safetensors.0a1b2c3d.part", ".door.preset.safetensors.77.part", ".git"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".tmpYoung1").touch()
    save_preset(make_preset(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", ".tmpYoung1", "door.preset.safetensors"]


def test_latents_that_are_not_numbers_are_refused():
    preset = make_preset()
    preset.means[1][0, 0] = np.nan
    with pytest.raises(PresetError, match="take 1: latents must be finite"):
        Preset(preset.header, preset.means, preset.deviations)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not a readable preset"),
        (b"\xff" * 64, "not a readable preset"),
        ({}, "header is missing"),
        ({KEY: "[]"}, "header is missing"),
        ({KEY: '{"schema": 99}'}, "schema 99 is newer"),
        ({KEY: '{"schema": 1, "name": "x"}'}, "missing required field `kind`"),
    ],
)
def test_damaged_files_are_refused_by_name(tmp_path, content, told):
    path = tmp_path / "bad.preset.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save_file({"mean.0": np.zeros((1, 1), np.float32), "deviation.0": np.zeros((1, 1), np.float32)}, path, content)
    with pytest.raises(PresetError, match=told) as caught:
        load_preset(path)
    assert str(path) in str(caught.value)


def test_an_unknown_preset_suggests_near_names(tmp_path):
    for name in ("step-wood", "step-stone"):
        save_preset(make_preset(name=name), tmp_path)
    with pytest.raises(PresetError, match="no preset 'step-wod'.*step-wood"):
        Bank(tmp_path)["step-wod"]


def test_a_folder_without_presets_is_no_bank(tmp_path):
    with pytest.raises(PresetError, match="not a bank"):
        Bank(tmp_path)


def test_the_seed_decides_take_and_latents():
    preset = make_preset()
    first, again = next(perform(preset, 11)), next(perform(preset, 11))
    np.testing.assert_array_equal(first, again)
    others = [next(perform(preset, seed)) for seed in range(12)]
    assert not any(np.array_equal(first, other) for seed, other in enumerate(others) if seed != 11)
    steady = Preset(msgspec.structs.replace(preset.header, variation=0.0), preset.means, preset.deviations)
    heard = {next(perform(steady, seed)).tobytes() for seed in range(40)}
    assert heard == {mean.tobytes() for mean in preset.means}


def test_a_texture_goes_on_and_stays_inside_its_latents():
    preset = make_preset(kind="texture", takes=1, frames=100, variation=0.0, stereo=True)
    pieces = np.concatenate(list(islice(perform(preset, 3), 60)), axis=1)
    assert pieces.shape[0] == 2
    assert pieces.shape[1] > 1500
    assert not np.array_equal(pieces[0], pieces[1])
    low, high = preset.means[0].min(0), preset.means[0].max(0)
    assert (pieces >= low - 1e-6).all()
    assert (pieces <= high + 1e-6).all()


def test_a_width_brings_the_right_latents_to_the_left_ones():
    def performed(**fields) -> np.ndarray:
        preset = make_preset(kind="texture", takes=2, frames=300, **fields)
        return np.concatenate(list(islice(perform(preset, 3), 20)), axis=1)

    left, right = performed(stereo=True)
    (mono,) = performed()
    np.testing.assert_array_equal(left, mono)
    assert np.abs(right - left).max() > 1
    for width in (0.0, 0.25, 1.0):
        near, far = performed(stereo=True, width=width)
        np.testing.assert_array_equal(near, left)
        np.testing.assert_allclose(far, left + width * (right - left), atol=1e-6)
        if width in (0, 1):
            np.testing.assert_array_equal(far, right if width else left)


@pytest.fixture
def three_hits(tmp_path):
    audio = np.zeros(44_100 * 2, np.float32)
    rng = np.random.default_rng(0)
    for start in (4_410, 30_000, 60_000):
        audio[start : start + 4_410] = rng.standard_normal(4_410) * 0.2 * np.exp(-np.arange(4_410) / 800)
    path = tmp_path / "hits.wav"
    soundfile.write(path, audio, 44_100)
    return path


def test_each_hit_becomes_a_take_with_its_attack_at_the_start(three_hits):
    codec = PcmCodec()
    preset = capture(codec, "hits", [three_hits]).preset
    assert len(preset.means) == 3
    for mean, take in zip(preset.means, preset.header.takes, strict=True):
        heard = codec.decode(mean[None])[0, take.skip_samples :][: take.length_samples]
        attack = np.argmax(np.abs(heard) > 0.1 * np.abs(heard).max())
        assert attack <= 96
    assert preset.header.fingerprint == "pcm"


def test_an_offset_of_a_recording_is_not_captured(three_hits, tmp_path):
    """It would be louder than a hit's end, so that no hit ends."""
    audio, rate = soundfile.read(three_hits)
    soundfile.write(tmp_path / "offset.wav", audio + 0.02, rate)
    plain, offset = (capture(PcmCodec(), "hits", [path]).preset for path in (three_hits, tmp_path / "offset.wav"))
    for kept, given in zip(offset.header.takes, plain.header.takes, strict=True):
        assert (kept.skip_samples, kept.length_samples) == (given.skip_samples, given.length_samples)
        assert kept.fade_out_samples == pytest.approx(given.fade_out_samples, abs=48)
    for kept, given in zip(offset.means, plain.means, strict=True):
        np.testing.assert_allclose(kept, given, atol=1e-4)


def test_split_hits_of_silence_is_nothing():
    assert split_hits(np.zeros(48_000, np.float32), 48_000) == []


def test_capturing_silence_or_nothing_says_so(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(48_000), 48_000)
    with pytest.raises(PresetError, match="no hit longer"):
        capture(PcmCodec(), "x", [tmp_path / "silent.wav"])
    with pytest.raises(AudioFileError, match="no such audio file"):
        capture(PcmCodec(), "x", [tmp_path / "absent.wav"])


def test_even_takes_meet_at_their_median_peak():
    pieces = [np.array(own, np.float32) for own in ([0.1, -0.05], [0.2], [0.8], [0.01])]
    moved = [own.audio for own in even_peaks([Slice(piece, (0,), 0) for piece in pieces])]
    median = 10 ** ((20 * np.log10(0.1) + 20 * np.log10(0.2)) / 40)
    np.testing.assert_allclose([np.abs(piece).max() for piece in moved[:2]], median, rtol=1e-5)
    np.testing.assert_allclose([moved[2][0], moved[3][0]], [0.8 * 10**-0.6, 0.01 * 10**0.6], rtol=1e-5)


def test_a_texture_is_one_take(three_hits):
    preset = capture(PcmCodec(), "t", [three_hits], "texture").preset
    assert [take.length_samples for take in preset.header.takes] == [96_000]


def test_the_factory_bank_belongs_to_the_factory_model():
    from plugin_backend.models.registry import describe_codec

    fingerprint = describe_codec("foley").fingerprint
    bank = Bank(FACTORY_BANK)
    assert {preset.header.fingerprint for preset in bank} == {fingerprint}
    assert all(preset.header.credit for preset in bank)
    programs = bank.programs()
    assert sorted(programs) == list(range(len(bank.names)))


def test_encode_pieces_passes_header_fields_on():
    preset = encode_pieces(PcmCodec(), "x", [np.ones(600, np.float32)], "hit", program=3, fade_in_samples=0)
    assert (preset.header.program, preset.header.fade_in_samples) == (3, 0)


@pytest.mark.parametrize(
    ("fields", "told"),
    [({"program": 999}, "<= 127"), ({"variation": float("nan")}, ">= 0.0"), ({"gain_db": 99.0}, "<= 24")],
)
def test_header_fields_are_checked_when_made_too(fields, told):
    with pytest.raises(PresetError, match=told):
        make_preset(**fields)


def test_a_renamed_preset_file_and_a_program_claimed_twice_are_told(tmp_path):
    path = save_preset(make_preset(name="door", program=1), tmp_path)
    save_preset(make_preset(name="gate", program=1), tmp_path)
    with pytest.raises(PresetError, match="'door' and 'gate' both claim program 1"):
        Bank(tmp_path).programs()
    renamed = path.rename(tmp_path / "window.preset.safetensors")
    with pytest.raises(PresetError, match="it holds preset 'door', so its name must be door.preset"):
        load_preset(renamed)
    renamed.rename(tmp_path / "My Door.preset.safetensors")
    with pytest.raises(PresetError, match="My Door.*a name has 1 to 64"):
        Bank(tmp_path)


GOLDEN = Path(__file__).with_name("golden")
"""A file of each schema as it was first written, named after it; never written again."""


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
        told = [[7, 880, 1.5, 0.25, 0.5, 0], [64, 1_234.5, 0, 0.125, -1, 2_048]]
        assert [rows.tolist() for rows in preset.modes] == [told, []]
        assert header.ring == RingControls(gain_db=-3.0, pitch_semitones=1.0, size=2.0, damping=0.5, strike=0.25)
        assert header.low_cut_hz == 25.0


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"tags": ["Wood"]}, "'Wood' is no tag or material: 1 to 32 of a-z"),
        ({"tags": ["a", "a"]}, "2 tags; at most 32 can be used, each once"),
        ({"material": "x" * 33}, "is no tag or material"),
        ({"chain": [{"type": "reverb"}]}, "effect 1 of its chain is 'reverb'; eq, lfo, pulses, adsr, gain can be used"),
        ({"chain": [{"low_cut_hz": 80.0}]}, "effect 1 of its chain is 'None'"),
        ({"chain": [{"type": "gain"}, {"type": "eq", "low_cut_hz": "x"}]}, "effect 2 of its chain, eq: low_cut_hz 'x'"),
        ({"chain": [{"type": "eq", "q": 1.0}]}, "effect 1 of its chain, eq: no setting 'q'"),
        ({"chain": [{"type": "gain"}] * 9}, "a chain of 9 effects; at most 8"),
        ({"provenance": Provenance(made="capture", recordings=[Recording("../x", "ab" * 16)])}, "recordings"),
        ({"provenance": Provenance(made="capture", recordings=[Recording("x", "AB")])}, "digest"),
    ],
)
def test_words_chain_and_provenance_are_checked(fields, told):
    with pytest.raises(PresetError, match=re.escape(told)):
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
