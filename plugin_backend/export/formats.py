"""The export formats: how each is written, and how its host plays it."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from plugin_backend.errors import MissingExtraError
from plugin_backend.export.nn_tilde_host import NnHost
from plugin_backend.models.family import ExportableCodec

NEUTONE_PACKAGES = "--no-deps neutone_sdk==1.5.2 torchaudio tqdm requests jsonschema jsonschema-specifications"
METADATA_FILE = "pisada.json"
BLOCK_HOPS = 4

Parts = dict[str, bytes]
"""Contents of files, by the text before the suffix of the requested path; ``""`` is that path itself."""


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        parts: makes the files from a codec and its metadata.
        play: plays a sound ``[n]`` (whole blocks) through the files as the host does, late by the codec's latency.
            Its arguments are the files, the sound and the samples in a block.
    """

    parts: Callable[[ExportableCodec, dict[str, str]], Parts]
    play: Callable[[Parts, np.ndarray, int], np.ndarray]


def to_torchscript(module: nn.Module, metadata: dict[str, str], **files: str) -> bytes:
    """Return a module as the bytes of a TorchScript file that also holds the metadata."""
    buffer, extra = io.BytesIO(), {METADATA_FILE: json.dumps(metadata, indent=2)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = module if isinstance(module, torch.jit.ScriptModule) else torch.jit.script(module.eval())
        torch.jit.save(script, buffer, _extra_files={**extra, **files})
    return buffer.getvalue()


def from_torchscript(data: bytes) -> torch.jit.ScriptModule:
    """Load the bytes of one of our own files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.load(io.BytesIO(data)).eval()


def _torchscript(codec: ExportableCodec, metadata: dict[str, str]) -> Parts:
    from plugin_backend.export.torchscript import TorchScriptCodec

    return {"": to_torchscript(TorchScriptCodec(codec), metadata)}


@torch.inference_mode()
def _play_torchscript(parts: Parts, sound: np.ndarray, block: int) -> np.ndarray:
    model, outputs = from_torchscript(parts[""]), []
    encoder_past, decoder_past = model.encoder_past(1), model.decoder_past(1)
    for piece in torch.from_numpy(sound).split(block):
        means, _, encoder_past = model.encode_stream(piece[None, None], encoder_past)
        audio, decoder_past = model.decode_stream(means, decoder_past)
        outputs.append(audio[0, 0].numpy())
    return np.concatenate(outputs)


def _nn_tilde(codec: ExportableCodec, metadata: dict[str, str]) -> Parts:
    from plugin_backend.export.nn_tilde import NnTildeCodec

    return {"": to_torchscript(NnTildeCodec(codec), metadata)}


def _play_nn_tilde(parts: Parts, sound: np.ndarray, block: int) -> np.ndarray:
    host = NnHost(io.BytesIO(parts[""]), "the export")
    return np.concatenate([host.perform("forward", piece[None])[0] for piece in sound.reshape(-1, block)])


def _onnx(codec: ExportableCodec, metadata: dict[str, str]) -> Parts:
    from plugin_backend.export.onnx import graphs

    return graphs(codec, metadata)


def _play_onnx(parts: Parts, sound: np.ndarray, block: int) -> np.ndarray:
    try:
        import onnxruntime
    except ImportError as problem:
        raise MissingExtraError("the check of an ONNX export", "export") from problem
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    encoder, decoder = (
        onnxruntime.InferenceSession(parts[name], options, providers=["CPUExecutionProvider"])
        for name in ("encoder", "decoder")
    )
    pasts = [np.zeros((1, session.get_inputs()[1].shape[1]), np.float32) for session in (encoder, decoder)]
    outputs = []
    for piece in sound.reshape(-1, block):
        means, _, pasts[0] = encoder.run(None, {"audio": piece[None], "past": pasts[0]})
        audio, pasts[1] = decoder.run(None, {"latents": means, "past": pasts[1]})
        outputs.append(audio[0])
    return np.concatenate(outputs)


def _neutone(codec: ExportableCodec, metadata: dict[str, str]) -> Parts:
    try:
        from neutone_sdk.metadata import validate_metadata
        from neutone_sdk.sqw import SampleQueueWrapper
        from neutone_sdk.utils import model_to_torchscript
    except (ImportError, OSError) as problem:  # OSError: a torchaudio built for another PyTorch
        raise MissingExtraError(f"a Neutone export ({problem})", NEUTONE_PACKAGES) from problem
    from plugin_backend.export.neutone import NeutoneCodec
    from plugin_backend.export.nn_tilde import NnTildeCodec

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped = SampleQueueWrapper(NeutoneCodec(NnTildeCodec(codec), codec.spec.hop_samples, metadata))
        script = model_to_torchscript(wrapped)
    card = {**script.to_metadata(), "sample_sound_files": []}
    validate_metadata(card, realtime=True)
    return {"": to_torchscript(script, metadata, **{"metadata.json": json.dumps(card, indent=2)})}


@torch.inference_mode()
def _play_neutone(parts: Parts, sound: np.ndarray, block: int) -> np.ndarray:
    model = from_torchscript(parts[""])
    model.set_daw_sample_rate_and_buffer_size(model.get_native_sample_rates()[0], block)
    model.reset()
    return np.concatenate(
        [model.forward(piece[None])[0].clone().numpy() for piece in torch.from_numpy(sound).split(block)]
    )


FORMATS = {
    "torchscript": Format(_torchscript, _play_torchscript),
    "nn-tilde": Format(_nn_tilde, _play_nn_tilde),
    "onnx": Format(_onnx, _play_onnx),
    "neutone": Format(_neutone, _play_neutone),
}
