"""The codec as two ONNX graphs, encoder and decoder, with their past as input and output."""

from __future__ import annotations

import io
import warnings
from typing import Any

import torch
from torch import nn

from plugin_backend.errors import MissingExtraError
from plugin_backend.models.family import ExportableCodec

OPSET = 18
TRACED_FRAMES = 3
SIGNATURES = {
    "encoder": (["audio", "past"], ["means", "deviations", "next_past"], "samples"),
    "decoder": (["latents", "past"], ["audio", "next_past"], "frames"),
}


def graphs(codec: ExportableCodec, metadata: dict[str, str]) -> dict[str, bytes]:
    """Return the files' bytes by part. :data:`SIGNATURES` has the names, docs/interop.md the shapes.

    Raises:
        MissingExtraError: the ``export`` extra is not installed.
    """
    encoder, decoder = codec.scriptable_parts(by_matrix=True)
    parts: dict[str, tuple[nn.Module, int | tuple[int, int]]] = {
        "encoder": (encoder, TRACED_FRAMES * codec.spec.hop_samples),
        "decoder": (decoder, (TRACED_FRAMES, codec.spec.latent_dim)),
    }
    return {name: _graph(name, module, shape, metadata) for name, (module, shape) in parts.items()}


def _graph(part: str, module: nn.Module, shape: int | tuple[int, int], metadata: dict[str, str]) -> bytes:
    try:
        import onnx
    except ImportError as problem:
        raise MissingExtraError("an ONNX export", "export") from problem
    names_in, names_out, time_axis = SIGNATURES[part]
    first = torch.zeros(2, *(shape if isinstance(shape, tuple) else (shape,)))
    module_: Any = module
    past, buffer = torch.zeros(2, module_.remembered), io.BytesIO()
    times = {"audio": "samples", "latents": "frames", "means": "frames", "deviations": "frames"}
    axes = {name: {0: "batch", **({1: times[name]} if name in times else {})} for name in [*names_in, *names_out]}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (first, past),
            buffer,  # type: ignore[arg-type]  # the older exporter writes to open files too
            dynamo=False,
            opset_version=OPSET,
            input_names=names_in,
            output_names=names_out,
            dynamic_axes=axes,
        )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, {**metadata, "part": part, "time_axis": time_axis})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()
