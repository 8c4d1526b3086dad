"""An export plays the same in other programs as in Pisada, and has what they need."""

import io
import json
import warnings
import zipfile
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from plugin_backend.codecs.block_stream import BlockStream
from plugin_backend.errors import CheckpointError, MissingExtraError, OutputError
from plugin_backend.export.export import difference_db, export_metadata, export_model
from plugin_backend.export.formats import FORMATS, from_torchscript, to_torchscript
from plugin_backend.export.nn_tilde import NnTildeCodec
from plugin_backend.export.nn_tilde_host import NnHost
from plugin_backend.models.registry import load_codec
from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.model import WaveformVAE

HOP, DIMS, LATE = 128, 4, 192
KINDS = ["torchscript", "nn-tilde", "onnx"] + (["neutone"] if find_spec("neutone_sdk") else [])
if not find_spec("onnxruntime"):
    KINDS.remove("onnx")


@pytest.fixture(scope="module", params=["spectra", "noise"])
def tiny(tmp_path_factory, request):
    """The path of a small untrained model that is loud, and whose compaction turns and shifts."""
    torch.manual_seed(3)
    model = WaveformVAE(
        WaveformVAEConfig(
            hop=HOP, latent_dim=DIMS, encoder_window=128, encoder_hop=64, encoder_width=16, encoder_blocks=2,
            decoder_window=256, decoder_hop=64, decoder_width=16, decoder_blocks=2, expansion=2, kernel=3,
            head=request.param, encoder_view=512, encoder_view_bins=20, encoder_energy_samples=32, long_bands=24,
            short_window=64, short_bands=8, coherent=True,
        )
    )  # fmt: skip
    with torch.no_grad():
        model.rotation.copy_(torch.linalg.qr(torch.randn(DIMS, DIMS))[0])
        model.centre.copy_(torch.randn(DIMS) * 0.3)
        torch.nn.init.normal_(model.decoder.head.out.weight, std=0.2)
        model.decoder.head.raise_by(8.7 if request.param == "spectra" else 18.0)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    checkpoint.save(model, path, {})
    return path


@pytest.fixture(scope="module")
def codec(tiny):
    return load_codec(str(tiny))


@pytest.fixture(scope="module")
def sound():
    noise = np.random.default_rng(5).standard_normal(48 * HOP)
    return (0.3 * noise * np.exp(-(np.arange(noise.size) % 1700) / 500)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(codec, sound):
    """What our own streaming node plays, block by block of one hop."""
    stream = BlockStream(codec, HOP)
    output = np.concatenate([stream.push(block) for block in sound.reshape(-1, HOP)])
    assert stream.latency_samples == LATE and output.std() > 0.01
    return output


@pytest.fixture(scope="module")
def files(codec, tiny):
    """Each format's files."""
    return {kind: FORMATS[kind].parts(codec, export_metadata(str(tiny), codec, "CC0", "A. N. Other")) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hops", [1, 2, 8])
def test_every_host_plays_what_our_node_plays(files, kind, hops, sound, expected):
    output = FORMATS[kind].play(files[kind], sound, hops * HOP)
    assert output.shape == expected.shape
    assert difference_db(output, expected) < -120
    assert np.abs(output - expected).max() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_samples_that_are_no_numbers_are_0_and_poison_nothing(files, kind, sound):
    holed, spoilt = sound.copy(), sound.copy()
    for at, value in ((1000, np.nan), (1500, np.inf), (1501, -np.inf)):
        holed[at], spoilt[at] = 0, value
    output = FORMATS[kind].play(files[kind], spoilt, 2 * HOP)
    np.testing.assert_array_equal(output, FORMATS[kind].play(files[kind], holed, 2 * HOP))
    assert np.isfinite(output).all() and output[-HOP:].any()


@pytest.mark.parametrize("samples", [1, HOP - 1, HOP + 1])
def test_samples_that_are_no_whole_hops_are_refused_in_a_line_and_none_is_lost(files, samples):
    model = from_torchscript(files["torchscript"][""])
    with pytest.raises(Exception, match=f"{samples} samples; a stream needs whole hops of {HOP}"):
        model.encode_stream(torch.zeros(1, 1, samples), model.encoder_past(1))
    with pytest.raises(Exception, match=f"{samples} samples; a stream needs whole hops of {HOP}"):
        from_torchscript(files["nn-tilde"][""]).forward(torch.zeros(1, 1, samples))
    if "onnx" in files:
        with pytest.raises(Exception, match="Reshape"):
            FORMATS["onnx"].play(files["onnx"], np.zeros(samples, np.float32), samples)


def test_torchscript_encodes_and_decodes_whole_sounds_of_any_length_aligned(files, codec, sound):
    model = from_torchscript(files["torchscript"][""])
    assert (model.sampling_rate, model.ratio, model.latent_size, model.latency_samples) == (48_000, HOP, DIMS, LATE)
    two = np.stack([sound[:5001], sound[100:5101]])
    means, deviations = codec.posterior(two)
    with torch.inference_mode():
        got_means, got_deviations = model.posterior(torch.from_numpy(two)[:, None])
        np.testing.assert_allclose(got_means.transpose(1, 2), means, atol=1e-5)
        np.testing.assert_allclose(got_deviations.transpose(1, 2), deviations, atol=1e-5)
        decoded = model.decode(model.encode(torch.from_numpy(two)[:, None]))[:, 0].numpy()
        through = model(torch.from_numpy(two)[:, None])[:, 0].numpy()
    np.testing.assert_allclose(decoded, codec.decode(means), atol=1e-5)
    np.testing.assert_allclose(through, codec.decode(means)[:, :5001], atol=1e-5)


def host_of(files) -> NnHost:
    return NnHost(io.BytesIO(files["nn-tilde"][""]), "tiny")


def test_nn_tilde_finds_methods_ratios_and_attributes(files):
    host = host_of(files)
    assert host.params == {"encode": [1, 1, DIMS, HOP], "decode": [DIMS, HOP, 1, 1], "forward": [1, 1, 1, 1]}
    assert host.attributes == {"variation": [float], "scale": [float], "bias": [float], "reset": [bool]}
    assert host.highest_ratio == HOP and host.model.get_sample_rate() == 48_000
    assert host.model.decode_input_labels[-1] == f"(signal) latent {DIMS}"


def test_latents_travel_as_signals_between_two_objects(files, codec, sound, expected):
    first, second = host_of(files), host_of(files)
    signals = [first.perform("encode", block[None]) for block in sound.reshape(-1, 4 * HOP)]
    means = codec.encode(sound[None])[0]
    np.testing.assert_allclose(np.concatenate(signals, 1)[:, ::HOP].T, means, atol=1e-5)
    output = np.concatenate([second.perform("decode", signal)[0] for signal in signals])
    assert difference_db(output, expected) < -120


def test_batches_of_mc_nn_are_each_a_stream_of_its_own(files, codec, sound, expected):
    host, three = host_of(files), np.stack([sound, sound[::-1], 0 * sound])
    output = [host.perform("forward", three[:, at : at + 512], batches=3) for at in range(0, sound.size, 512)]
    output = np.concatenate(output, 1)
    assert difference_db(output[0], expected) < -120
    assert difference_db(output[1], codec.decoder().push(codec.encode(sound[None, ::-1]))[0]) < -120


def test_attributes_do_what_they_say(files, codec, sound, expected):
    host = host_of(files)
    first = host.perform("forward", sound[None])
    host.set("reset", True)
    np.testing.assert_array_equal(host.perform("forward", sound[None]), first)
    host.set("reset", True)
    host.set("scale", 0.5)
    host.set("bias", -0.25)
    assert host.get("scale") == [0.5] and host.get("bias") == [-0.25]
    moved = codec.decoder().push(codec.encode(sound[None]) * np.float32(0.5) - np.float32(0.25))[0]
    assert difference_db(host.perform("forward", sound[None])[0], moved) < -120
    host.set("reset", True)
    host.set("variation", 1.0)
    means, deviations = codec.posterior(sound[None])
    strayed = host.perform("encode", sound[None])[:, ::HOP].T - means[0]
    assert 0.8 < (strayed / deviations[0]).std() < 1.2


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("encode_params", torch.tensor([1, 1, DIMS, 96]), "powers of two"),
        ("decode_params", torch.tensor([DIMS, HOP, 1]), "powers of two"),
        ("forward_input_labels", [], "'forward_input_labels' must have 1 entries"),
        ("_methods", ["encode", "prior"], "no tensor 'prior_params'"),
        ("variation_params", torch.tensor([7]), "type codes"),
        ("bias_params", torch.tensor([0]), "'get_bias' returns"),
    ],
)
def test_the_host_refuses_what_nn_tilde_would_not_take(codec, name, value, problem):
    module = NnTildeCodec(codec)
    setattr(module, name, value if isinstance(value, torch.Tensor) or value else torch.jit.Attribute([], list[str]))
    with pytest.raises(CheckpointError, match=problem) as raised:
        NnHost(io.BytesIO(to_torchscript(module, {})), "bad")
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(not find_spec("nn_tilde"), reason="nn-tilde is not installed")
def test_nothing_that_nn_tildes_own_modules_have_is_missing(files):
    import nn_tilde

    class Plain(nn_tilde.Module):
        def __init__(self):
            super().__init__(48_000)
            self.register_attribute("scale", 1.0)
            self.register_method("forward", 1, 1, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs = torch.jit.script(Plain().eval())
    ours = host_of(files).model
    named = {name for name, _ in theirs.named_buffers()} | set(theirs._c._method_names()) | {"forward_input_labels"}
    buffer_methods = {"set_buffer_attribute", "clear_buffer_attribute", "is_buffer_empty"}  # asked of buffers only
    assert {"forward_params", "scale_params", "set_scale", "get_buffer_attributes"} <= named
    assert [name for name in named - buffer_methods if not hasattr(ours, name)] == []
    assert theirs.get_buffer_attributes() == ours.get_buffer_attributes() == []
    assert type(theirs.get_scale()) is type(ours.get_scale()) is tuple


@pytest.mark.skipif("onnx" not in KINDS, reason="the export extra is not installed")
def test_onnx_graphs_give_deviations_too_and_say_what_they_are(files, codec, sound):
    import onnx
    import onnxruntime

    encoder = onnxruntime.InferenceSession(files["onnx"]["encoder"], providers=["CPUExecutionProvider"])
    assert [each.name for each in encoder.get_inputs()] == ["audio", "past"]
    past = np.zeros((2, encoder.get_inputs()[1].shape[1]), np.float32)
    two = np.stack([sound, sound[::-1]])
    means, deviations, _ = encoder.run(None, {"audio": two, "past": past})
    for got, wanted in zip((means, deviations), codec.posterior(two), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)
    props = {each.key: each.value for each in onnx.load_from_string(files["onnx"]["decoder"]).metadata_props}
    assert (props["name"], props["latency_samples"], props["part"]) == ("tiny", str(LATE), "decoder")
    assert {node.domain for node in onnx.load_from_string(files["onnx"]["encoder"]).graph.node} <= {"", "ai.onnx"}


@pytest.mark.skipif("neutone" not in KINDS, reason="neutone_sdk is not installed")
def test_neutone_finds_its_methods_rates_and_knobs(files, tmp_path):
    from neutone_sdk.utils import load_neutone_model

    (tmp_path / "model.nm").write_bytes(files["neutone"][""])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model, card = load_neutone_model(str(tmp_path / "model.nm"))
    assert model.get_native_sample_rates() == [48_000] and model.get_native_buffer_sizes() == [128, 256, 512, 1024]
    model.set_daw_sample_rate_and_buffer_size(48_000, 512)
    assert (model.calc_model_delay_samples(), model.calc_buffering_delay_samples()) == (LATE, 0)
    assert [knob["name"] for knob in card["neutone_parameters"].values()] == ["variation", "scale", "bias"]
    assert card["model_name"] == "tiny" and "CC0" in card["technical_description"]
    assert model.is_resampling() is False and hasattr(model, "forward_offline")


@pytest.mark.skipif("neutone" in KINDS, reason="neutone_sdk is installed")
def test_without_neutones_package_the_error_names_the_pip_line_and_nothing_is_written(tiny, tmp_path):
    with pytest.raises(MissingExtraError, match="--no-deps neutone_sdk"):
        export_model(str(tiny), "neutone", tmp_path / "tiny.nm")
    assert list(tmp_path.iterdir()) == []


def test_exports_appear_whole_with_licence_and_credit_inside(tiny, codec, tmp_path):
    done = export_model(str(tiny), "nn-tilde", tmp_path / "deep" / "tiny.ts", "CC0", "A. N. Other")
    assert done.paths == [tmp_path / "deep" / "tiny.ts"] and done.deviation_db < -120
    with zipfile.ZipFile(done.paths[0]) as archive:
        card = json.loads(archive.read("archive/extra/pisada.json"))
    assert (card["licence"], card["credit"], card["fingerprint"]) == ("CC0", "A. N. Other", codec.spec.fingerprint)
    assert [path.name for path in done.paths[0].parent.iterdir()] == ["tiny.ts"]


def test_the_factory_model_credits_its_training_recordings():
    card = export_metadata("foley", load_codec("foley"), None, None)
    assert card["licence"] == "GPL-3.0-or-later" and "0ad-data" in card["credit"]


@pytest.mark.parametrize(
    ("model", "out", "kind", "problem"),
    [
        ("pcm", "a.ts", CheckpointError, "models of its family cannot be"),
        ("nothing", "a.ts", CheckpointError, "no model 'nothing'"),
        ("tiny", "a.onnx", OutputError, "must be named"),
        ("tiny", "taken.ts", OutputError, "cannot be written"),
        ("tiny", "file/a.ts", OutputError, "cannot be written"),
    ],
)
def test_a_model_that_cannot_be_exported_is_a_one_line_error_and_writes_nothing(
    tiny, tmp_path, model, out, kind, problem
):
    (tmp_path / "taken.ts").mkdir()
    (tmp_path / "file").write_text("a file")
    with pytest.raises(kind, match=problem) as raised:
        export_model(str(tiny) if model == "tiny" else model, "nn-tilde", tmp_path / out)
    assert "\n" not in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken.ts"]
    assert list((tmp_path / "taken.ts").iterdir()) == []
