"""A RAVE export becomes a codec only if it is trusted, and streams like any codec; other files are errors."""

import hashlib
import json
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from plugin_backend.codecs.block_stream import BlockStream
from plugin_backend.errors import CheckpointError
from plugin_backend.models.rave.card import read_card
from plugin_backend.models.rave.importer import import_rave
from plugin_backend.models.registry import describe_codec, load_codec
from tests.plugin_backend import rave_like
from tests.plugin_backend.rave_like import LATE, RATIO, RaveLike, RaveOneLike


class Lying(RaveLike):
    """Returns half of what its numbers state."""

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return z[:, :1]


class NotRave(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.fixture(autouse=True)
def own_trust(tmp_path_factory, monkeypatch):
    """What these tests trust is in a folder of their own."""
    monkeypatch.setenv("PISADA_CONFIG", str(tmp_path_factory.mktemp("config")))


@pytest.fixture
def save(tmp_path):
    def saved(module: nn.Module, name: str = "Some Model.ts"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return rave_like.saved(module, tmp_path / name)

    return saved


@pytest.fixture
def sound():
    return (np.random.default_rng(1).standard_normal((2, 20 * RATIO)) * 0.2).astype(np.float32)


def test_an_import_measures_what_the_export_is(save):
    path = import_rave(save(RaveLike()), trusted=True)
    assert path.name == "some-model.rave.json"
    card = read_card(path)
    assert (card.latency_samples, card.latency_spread_samples) == (LATE, 0)
    assert (card.random_encoder, card.random_decoder) == (False, False)
    assert card.silence == [0.0] * RATIO
    spec = describe_codec(str(path))
    assert spec == load_codec(str(path)).spec
    assert (spec.name, spec.sample_rate, spec.hop_samples, spec.latent_dim) == ("some-model", 48_000, RATIO, RATIO)
    assert spec.fingerprint == card.sha256[:16]


@pytest.mark.parametrize("shape", [(), (1,)])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_an_export_of_version_1_keeps_its_rate_as_a_tensor(save, sound, shape, rate):
    module = type("RaveOne", (RaveOneLike,), {"rate_shape": shape})(sr=rate)
    codec = load_codec(str(import_rave(save(module), trusted=True, name="one")))
    assert (codec.spec.sample_rate, codec.spec.hop_samples, codec.spec.latent_dim) == (rate, RATIO, RATIO)
    np.testing.assert_array_equal(codec.decode(codec.encode(sound))[:, : 19 * RATIO], sound[:, : 19 * RATIO])


def test_a_rate_that_is_no_number_is_refused(save):
    for rate in (0.5, 7.0):
        module = RaveOneLike()
        module.sampling_rate = torch.tensor(rate)
        with pytest.raises(CheckpointError, match="Some Model.ts: not a RAVE export: its sample_rate is"):
            import_rave(save(module), trusted=True)


def test_whole_sounds_come_back_aligned_to_the_sample_in_stereo(save, sound):
    codec = load_codec(str(import_rave(save(RaveLike()), trusted=True, name="m")))
    latents = codec.encode(sound)
    assert latents.shape == (2, 20, RATIO)
    np.testing.assert_array_equal(codec.decode(latents)[:, : 19 * RATIO], sound[:, : 19 * RATIO])
    np.testing.assert_array_equal(codec.encode(sound), latents)  # nothing of the last sound is remembered


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("block", [64, 256, 333, 2048])
def test_blocks_of_any_length_equal_the_whole_noise_and_all(save, sound, noise, block):
    path = import_rave(save(RaveLike(noise)), trusted=True, name="m")
    codec, card = load_codec(str(path)), read_card(path)
    assert card.random_encoder == card.random_decoder == (noise > 0) and card.latency_samples == LATE
    stream = BlockStream(codec)
    late = stream.latency_samples
    fed = np.pad(sound[0], (0, late + block))
    output = np.concatenate([stream.push(fed[i : i + block]) for i in range(0, fed.size - block + 1, block)])[late:]
    known = sound.shape[1] - RATIO
    whole = codec.decode(codec.encode(sound))
    np.testing.assert_array_equal(output[:known], whole[0, :known])
    if noise:
        assert 0.005 < np.std(whole[0, :known] - sound[0, :known]) < 0.03


def test_noise_is_the_same_every_time_and_on_both_channels_and_leaves_the_generator_alone(save, sound):
    codec = load_codec(str(import_rave(save(RaveLike(0.01)), trusted=True, name="m")))
    alike = np.stack([sound[0], sound[0]])
    before = torch.get_rng_state()
    first, second = codec.encode(alike), codec.encode(alike)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[0], first[1])
    quiet = codec.encode(np.zeros_like(sound))[0]
    assert not np.array_equal(quiet[3], quiet[4])  # each frame has noise of its own


def test_nothing_is_loaded_that_is_not_trusted(save, tmp_path):
    path = save(RaveLike())
    with pytest.raises(CheckpointError, match="--trust"):
        import_rave(path, trusted=False)
    assert [each.name for each in tmp_path.iterdir()] == ["Some Model.ts"]


def test_a_card_from_elsewhere_opens_nothing(save, monkeypatch, tmp_path_factory):
    card = import_rave(save(RaveLike()), trusted=True)
    load_codec(str(card))
    monkeypatch.setenv("PISADA_CONFIG", str(tmp_path_factory.mktemp("another user")))
    with pytest.raises(CheckpointError, match="is not trusted yet"):
        load_codec(str(card))


def test_a_list_of_trust_that_cannot_be_read_trusts_nothing(save, monkeypatch, tmp_path):
    card = import_rave(save(RaveLike()), trusted=True)
    (tmp_path / "odd" / "trusted.txt").mkdir(parents=True)
    monkeypatch.setenv("PISADA_CONFIG", str(tmp_path / "odd"))
    with pytest.raises(CheckpointError, match="trusted.txt: cannot be read"):
        load_codec(str(card))


def test_a_changed_file_is_refused_until_it_is_imported_again(save, sound):
    card = import_rave(save(RaveLike()), trusted=True, name="m")
    path = save(RaveLike(0.5))
    with pytest.raises(CheckpointError, match="has changed"):
        load_codec(str(card))
    old = json.loads(card.read_text())
    old["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    card.write_text(json.dumps(old))
    with pytest.raises(CheckpointError, match="is not trusted yet"):
        load_codec(str(card))
    assert load_codec(str(import_rave(path, trusted=True, name="m"))).encode(sound).shape == (2, 20, RATIO)


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        (NotRave(), "no method 'encode'"),
        (RaveLike(remembering=False), "--streaming"),
        (RaveLike(channels=2), "only mono"),
        (RaveLike(sr=7), "sample_rate is 7"),
        (Lying(), "samples for 4 latent frames"),
    ],
)
def test_anything_but_a_streaming_rave_export_is_a_one_line_error_and_writes_nothing(save, tmp_path, module, problem):
    with pytest.raises(CheckpointError, match=problem) as raised:
        import_rave(save(module), trusted=True)
    assert "\n" not in str(raised.value) and "Some Model.ts" in str(raised.value)
    assert [each.name for each in tmp_path.iterdir()] == ["Some Model.ts"]


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "missing"])
def test_anything_but_torchscript_is_a_one_line_error(save, tmp_path, kind):
    whole = save(RaveLike()).read_bytes()
    content = {"text": b"not a model", "empty": b"", "cut": whole[: len(whole) // 2]}.get(kind)
    path = tmp_path / "bad.ts"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match="bad.ts: (not a TorchScript|cannot be read)") as raised:
        import_rave(path, trusted=True)
    assert "\n" not in str(raised.value) and not list(tmp_path.glob("*.rave.json"))


@pytest.mark.parametrize("name", ["", "Ä", "a/b", "../x", "x" * 65, "a b"])
def test_invalid_names_are_errors(save, name):
    with pytest.raises(CheckpointError, match="cannot be a model's name"):
        import_rave(save(RaveLike()), trusted=True, name=name)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file", "../Some Model.ts"),
        ("file", ""),
        ("file", "a\nb"),
        ("sha256", "00"),
        ("sha256", 5),
        ("hop_samples", 0),
        ("hop_samples", True),
        ("latent_dim", 3),
        ("latency_samples", -1),
        ("random_encoder", "yes"),
        ("silence", [float("inf")] * RATIO),
        ("silence", None),
        ("surprise", 1),
        ("version", 2),
        ("family", "waveform-vae"),
        (None, "[]"),
        (None, "{"),
        (None, "[" * 100_000),
        (None, '"' + "x" * 2**21),
    ],
)
def test_a_damaged_card_is_a_one_line_error(save, field, value):
    path = import_rave(save(RaveLike()), trusted=True)
    if field is None:
        path.write_text(value)
    else:
        path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    for read in (load_codec, lambda name: describe_codec(name)):
        with pytest.raises(CheckpointError) as raised:
            read(str(path))
        assert "\n" not in str(raised.value) and path.name in str(raised.value)


def test_a_missing_card_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="gone.rave.json: not a readable card"):
        describe_codec(str(tmp_path / "gone.rave.json"))
