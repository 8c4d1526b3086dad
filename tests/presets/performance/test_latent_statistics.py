"""Statistics of a model's latents: learned, stored, and refused when damaged."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import PresetError
from presets.bank import FACTORY_BANK, Bank
from presets.capture import encode_pieces
from presets.performance.latent_statistics import SUFFIX, load_statistics, save_statistics
from presets.preset import sound_digest
from presets.store import save_preset

FACTORY = FACTORY_BANK / f"foley{SUFFIX}"


def test_the_factory_knows_how_loud_its_latents_are(foley):
    """The bands are those of the decoded sound, to within a few dB."""
    from plugin_backend.dsp.mel import mel_power

    statistics, latents = load_statistics(FACTORY), Bank()["step-gravel"].means[0]
    power = mel_power(foley.decode(latents[None], [1])[0], 48_000)[:, : 2 * len(latents)]
    measured = 10 * np.log10(np.maximum(power.reshape(80, -1, 2).mean(axis=2), 1e-6)).T
    predicted = statistics.bands_db(latents)
    assert np.abs(predicted - measured)[measured > -50].mean() < 4
    louder = statistics.bands_db(latents + 6 * statistics.level_direction) - predicted
    np.testing.assert_allclose(louder, 6, atol=0.8)


def test_statistics_read_back_and_go_to_the_presets_of_their_model(tmp_path):
    statistics = load_statistics(FACTORY)
    again = load_statistics(save_statistics(statistics, "foley", tmp_path))
    assert again.digest == statistics.digest
    assert Bank()["bell"].statistics.digest == statistics.digest
    save_preset(encode_pieces(PcmCodec(), "raw", [np.ones(900, np.float32)], "hit"), tmp_path)
    assert Bank(tmp_path)["raw"].statistics is None


def test_other_statistics_are_another_sound():
    from dataclasses import replace

    preset = Bank()["step-wood"]
    assert sound_digest(preset) != sound_digest(replace(preset, statistics=None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("band_slopes"), "not readable statistics"),
        (lambda tensors: tensors.update(band_slopes=np.zeros((32, 7), np.float32)), "band slopes"),
        (lambda tensors: tensors["band_offsets"].__setitem__(3, np.nan), "finite"),
        (lambda tensors: tensors.update({"effort.hit": np.zeros((3, 5), np.float32)}), "effort of hit"),
        (lambda tensors: tensors.update({"variations.footstep": np.float32(1)}), "variations of footstep"),
    ],
)
def test_damaged_statistics_are_one_line(change, message, tmp_path):
    import json

    tensors = load_file(FACTORY)
    change(tensors)
    tensors = {name: np.atleast_1d(value) for name, value in tensors.items()}
    metadata = {"pisada_statistics": json.dumps({"schema": 1, "fingerprint": "f", "hop_samples": 512})}
    save_file(tensors, tmp_path / f"bad{SUFFIX}", metadata)
    with pytest.raises(PresetError, match=message) as caught:
        load_statistics(tmp_path / f"bad{SUFFIX}")
    assert "bad" in str(caught.value) and "\n" not in str(caught.value)


def test_no_statistics_at_all_is_one_line(tmp_path):
    (tmp_path / f"x{SUFFIX}").write_bytes(b"nothing")
    with pytest.raises(PresetError, match="not readable statistics"):
        load_statistics(tmp_path / f"x{SUFFIX}")
