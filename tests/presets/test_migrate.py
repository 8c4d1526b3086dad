"""Presets brought over to another model, and made up at random."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
import soundfile

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import PresetError
from plugin_backend.evaluation.metrics.full_reference import log_mel_error_db
from plugin_backend.models.registry import load_codec
from plugin_backend.modes.mode_table import resample_modes
from presets.capture import capture, encode_pieces
from presets.migrate import migrate
from presets.preset import Preset, Provenance
from presets.provenance import recordings_in, recordings_of
from presets.random_mix import random_preset

RATE = 48_000


@pytest.fixture(scope="module")
def codecs(tiny_models):
    """Two models that differ in hop and latents."""
    return tuple(load_codec(str(path)) for path in tiny_models)


@pytest.fixture
def knocks(tmp_path):
    """Two recordings of two hits."""
    rng, paths = np.random.default_rng(0), []
    (tmp_path / "wavs").mkdir()
    for number in range(2):
        audio = np.zeros(RATE, np.float32)
        for at in (5_000, 30_000):
            audio[at : at + 9_000] += rng.standard_normal(9_000) * 0.2 * np.exp(-np.arange(9_000) / 900)
        paths.append(tmp_path / "wavs" / f"knock {number}.wav")
        soundfile.write(paths[-1], audio, RATE, "FLOAT")
    return paths


def captured(codec, files, **fields) -> Preset:
    provenance = Provenance(made="capture", recordings=recordings_of(files), even=False)
    fields = {"gain_db": -3.0, "program": 7, "tags": ["dry"], **fields}
    return capture(codec, "knock", files, provenance=provenance, **fields).preset


def test_recordings_are_found_by_name_and_content_wherever_they_lie(knocks, tmp_path):
    recordings = recordings_of(knocks)
    assert [recording.name for recording in recordings] == ["knock 0.wav", "knock 1.wav"]
    assert recordings_in(recordings, [tmp_path]) == knocks
    assert recordings_in(recordings, [tmp_path / "nowhere"]) is None
    decoy = tmp_path / "a" / knocks[0].name
    decoy.parent.mkdir()
    decoy.write_bytes(b"another sound of that name")
    assert recordings_in(recordings, [tmp_path]) == knocks
    knocks[0].write_bytes(b"changed")
    assert recordings_in(recordings, [tmp_path]) is None
    assert recordings_in([], [tmp_path]) is None


def test_from_its_recordings_it_is_the_preset_that_the_new_model_captures(codecs, knocks, tmp_path):
    old, new = codecs
    preset = captured(old, knocks)
    done = migrate(preset, new, None, [tmp_path])
    assert (done.lost_db, done.remarks) == (None, ())
    fresh = captured(new, knocks)
    for kept, given in zip(done.preset.means, fresh.means, strict=True):
        np.testing.assert_array_equal(kept, given)
    line = f"from quick ({old.spec.fingerprint}), by its recordings"
    assert done.preset.header.provenance.migrated == [line]
    same = msgspec.structs.replace(fresh.header, provenance=done.preset.header.provenance)
    assert done.preset.header == same


def test_else_what_the_old_model_makes_is_encoded_and_the_loss_told(codecs, knocks):
    old, new = codecs
    preset = captured(old, knocks, scale=[2.0] * 4, chain=[{"type": "gain", "gain_db": -1.0}])
    done = migrate(preset, new, old)
    header = done.preset.header
    assert (header.codec, header.fingerprint) == ("slow", new.spec.fingerprint)
    assert (header.gain_db, header.program, header.tags, header.scale) == (-3.0, 7, ["dry"], [])
    assert header.chain == preset.header.chain
    assert header.takes == preset.header.takes
    assert done.remarks == ("its scale and bias belong to the old model: left out",)
    lost = []
    for mean, made, take in zip(preset.means, done.preset.means, header.takes, strict=True):
        heard = old.decode(mean[None])
        np.testing.assert_allclose(made, new.encode(heard)[0], atol=1e-5)
        span = slice(take.skip_samples, min(take.skip_samples + take.length_samples, heard.shape[1]))
        lost.append(log_mel_error_db(new.decode(made[None])[0, span], heard[0, span], RATE))
    assert done.lost_db == pytest.approx(np.mean(lost), abs=0.01)
    assert done.lost_db > 1  # neither model was trained
    assert header.provenance.migrated == [
        f"from quick ({old.spec.fingerprint}), by its sound: {done.lost_db} dB of log-mel power lost"
    ]
    twice = migrate(done.preset, old, new)
    assert [line.split(" ")[1] for line in twice.preset.header.provenance.migrated] == ["quick", "slow"]


def test_a_width_is_kept(codecs):
    noise = (np.random.default_rng(0).standard_normal(9_000) * 0.1).astype(np.float32)
    hum = encode_pieces(codecs[0], "hum", [noise], "texture", stereo=True, width=0.25)
    assert migrate(hum, codecs[1], codecs[0]).preset.header.width == 0.25


def test_to_the_identity_nothing_is_lost(codecs, knocks):
    old, _ = codecs
    done = migrate(captured(old, knocks), PcmCodec(), old)
    assert done.lost_db == 0


def test_what_rings_comes_along_in_samples_of_the_new_rate(codecs, knocks):
    rows = np.array([[480, 700, 1.5, 0.25, 0.5, 0], [960, 1_234.5, 0, 0.125, -1, 2_048]], np.float32)
    preset = captured(codecs[0], knocks[:1])
    preset = replace(preset, modes=[rows, rows[:0]])
    made = migrate(preset, codecs[1], codecs[0]).preset
    np.testing.assert_array_equal(made.modes[0], rows)
    np.testing.assert_allclose(
        resample_modes(rows, 48_000, 44_100), [[441, 700, 1.5, 0.25, 0.5, 0], [882, 1_234.5, 0, 0.125, -1, 1_882]]
    )


def test_what_cannot_be_brought_over_is_told(codecs, knocks):
    old, new = codecs
    preset = captured(old, knocks)
    with pytest.raises(PresetError, match="preset 'knock': neither its recordings nor its model 'quick'"):
        migrate(preset, new)
    with pytest.raises(PresetError, match="not with 'pcm' .pcm."):
        migrate(preset, new, PcmCodec())
    with pytest.raises(PresetError, match="is of model 'quick' .* already"):
        migrate(preset, old, new)


def presets_of(codec, count: int = 5) -> list[Preset]:
    rng = np.random.default_rng(1)
    pieces = [[rng.standard_normal(4_000) * 0.1 for _ in range(1 + n % 2)] for n in range(count)]
    return [encode_pieces(codec, f"p{n}", own, "hit", tags=[f"t{n}"]) for n, own in enumerate(pieces)]


def test_a_random_preset_follows_from_its_seed(codecs):
    codec, other = codecs
    among = presets_of(codec)
    made, again, another = (random_preset(among, codec, "porch", seed) for seed in (7, 7, 8))
    assert made.header == again.header
    assert (made.header.provenance.made, made.header.description) != (another.header.provenance.made, "")
    assert made.header.provenance.made.startswith("random, seed 7: 0.")
    names = [part.split(" ")[1] for part in made.header.provenance.made.partition(": ")[2].split(", ")]
    assert len(set(names)) == 2
    assert set(made.header.tags) == {f"t{name[1:]}" for name in names}
    assert 0.5 <= made.header.variation <= 1.5
    for one, same in zip(made.means, again.means, strict=True):
        np.testing.assert_array_equal(one, same)
    with pytest.raises(PresetError, match="0 such presets of model 'slow': 2 are to be mixed"):
        random_preset(among, other, "porch", 7)
