"""``pisada export`` prints what it writes, and a RAVE export imported with ``pisada import-rave`` renders cues."""

import re
import warnings

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from plugin_backend.errors import OutputError, PisadaError
from plugin_backend.export.nn_tilde_host import NnHost
from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.model import WaveformVAE
from studio.cli import pisada

RATIO, LATE = 256, 100


class Folding(nn.Module):
    """RAVE's methods and numbers, around nothing but a delay of ``LATE`` samples."""

    def __init__(self):
        super().__init__()
        self.sr, self.ratio, self.late = 48_000, RATIO, LATE
        self.register_buffer("encode_params", torch.tensor([1, 1, RATIO, RATIO]))
        self.register_buffer("decode_params", torch.tensor([RATIO, RATIO, 1, 1]))
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("pad", torch.zeros(1, 1, LATE))

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return x.reshape(1, -1, self.ratio).transpose(1, 2)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        joined = torch.cat([self.pad, z.transpose(1, 2).reshape(1, 1, -1)], dim=2)
        self.pad.copy_(joined[:, :, joined.shape[2] - self.late :])
        return joined[:, :, : joined.shape[2] - self.late]


def run(*arguments: object):
    return CliRunner().invoke(pisada, [str(each) for each in arguments], catch_exceptions=False)


@pytest.fixture
def tiny(tmp_path):
    small = dict.fromkeys(["encoder_width", "decoder_width"], 8) | dict.fromkeys(
        ["encoder_blocks", "decoder_blocks"], 1
    )
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(WaveformVAE(WaveformVAEConfig(latent_dim=3, **small)), path, {})
    return path


@pytest.fixture
def rave(tmp_path, monkeypatch):
    monkeypatch.setenv("PISADA_CONFIG", str(tmp_path / "config"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Folding().eval()).save(tmp_path / "folding.ts")
    return tmp_path / "folding.ts"


def test_export_prints_path_and_deviation(tiny, tmp_path):
    result = run("export", tiny, "--format", "nn-tilde", "--out", tmp_path / "out" / "tiny.ts")
    assert result.exit_code == 0 and result.stdout == f"{tmp_path / 'out' / 'tiny.ts'}\n"
    message = re.search(r"by (-\d+) dB of full scale", result.stderr)
    assert int(message[1]) <= -120
    assert NnHost(tmp_path / "out" / "tiny.ts").params["encode"] == [1, 1, 3, 512]


def test_onnx_export_is_two_files(tiny, tmp_path):
    pytest.importorskip("onnxruntime")
    result = run("export", tiny, "--format", "onnx", "--out", tmp_path / "tiny.onnx")
    names = ["tiny.encoder.onnx", "tiny.decoder.onnx"]
    assert result.stdout.split() == [str(tmp_path / name) for name in names]
    assert sorted(path.name for path in tmp_path.glob("*.onnx")) == sorted(names)
    for name in names:  # either is in the way
        (tmp_path / names[0]).rename(tmp_path / "aside")
        with pytest.raises(OutputError, match="tiny.*coder.onnx: is there already; give another name, or --overwrite$"):
            run("export", tiny, "--format", "onnx", "--out", tmp_path / "tiny.onnx")
        (tmp_path / "aside").rename(tmp_path / name)


def test_export_replaces_only_with_overwrite_and_never_model(tiny, tmp_path):
    out = tmp_path / "tiny.ts"
    out.write_text("mine")
    with pytest.raises(OutputError, match="tiny.ts: is there already; give another name, or --overwrite$"):
        run("export", tiny, "--format", "nn-tilde", "--out", out)
    with pytest.raises(OutputError, match="tiny.safetensors: a file for nn-tilde must be named ….ts"):
        run("export", tiny, "--format", "nn-tilde", "--out", tiny, "--overwrite")
    assert out.read_text() == "mine"
    assert run("export", tiny, "--format", "nn-tilde", "--out", out, "--overwrite").exit_code == 0
    assert NnHost(out).params["encode"] == [1, 1, 3, 512]


def test_unknown_format_error_lists_formats():
    result = run_usage("export", "foley", "--format", "vst", "--out", "a.ts")
    assert result.exit_code == 2 and "'torchscript', 'nn-tilde', 'onnx', 'neutone'" in result.output


def run_usage(*arguments: str):
    return CliRunner().invoke(pisada, arguments)


@pytest.mark.parametrize("command", ["export", "import-rave"])
def test_help_ends_with_an_example(command):
    assert re.search(rf"Example:\n +pisada {command} ", run(command, "--help").output)


def test_without_trust_nothing_is_loaded(rave, tmp_path):
    with pytest.raises(PisadaError, match="can run any code as you; give --trust"):
        run("import-rave", rave)
    assert not list(tmp_path.glob("*.rave.json")) and not (tmp_path / "config").exists()


def test_missing_file_prints_no_warning(tmp_path):
    result = CliRunner().invoke(pisada, ["import-rave", str(tmp_path / "nope.ts"), "--trust"])
    assert isinstance(result.exception, PisadaError) and "nope.ts" in str(result.exception)
    assert result.output == ""


@pytest.mark.slow
def test_imported_rave_captures_and_renders(rave, tmp_path):
    result = run("import-rave", rave, "--trust", "--name", "folding")
    card = tmp_path / "folding.rave.json"
    assert result.stdout == f"{card}\n"
    assert "is about to run as you" in result.stderr and f"{LATE} samples of latency" in result.stderr
    hit = np.zeros(9_600, np.float32)
    hit[1_000:7_000] = 0.5 * np.exp(-np.arange(6_000) / 900) * np.cos(np.arange(6_000) / 9)
    soundfile.write(tmp_path / "hit.wav", hit, 48_000, subtype="FLOAT")
    made = run(
        "capture", tmp_path / "hit.wav", "--name", "hit", "--bank", tmp_path / "bank", "--model", card,
        "--kind", "texture", "--variation", "0",
    )  # fmt: skip
    assert made.exit_code == 0
    sheet = tmp_path / "cues.csv"
    sheet.write_text("id,start,stem,duration,source\na,0.5,FEET,0.2,hit.wav\n")
    done = run(
        "render", sheet, "--out", tmp_path / "stems", "--model", card, "--bank", tmp_path / "bank", "--jobs", "1",
        "--bits", "32", "--no-cache",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    stem, rate_hz = soundfile.read(next((tmp_path / "stems").glob("*FEET*.wav")), dtype="float32")
    loudest = int(np.abs(stem[:, 0]).argmax())
    assert rate_hz == 48_000 and loudest == 24_000 + int(np.abs(hit).argmax())
    audio = stem[24_000 + 1_000 : 24_000 + 6_000, 0]
    assert np.corrcoef(audio, hit[1_000:6_000])[0, 1] > 0.9999  # a source's offset is filtered out
