"""aiSFX's 512-number embedding of 2.3 s of sound, trained on sound-effects libraries (Ma & Lerch 2022).

The weights (CC BY 4.0) come from the package ``aisfx``, whose own code needs libraries of 2022. So the network, four
blocks of two convolutions (Kong et al. 2019), is written again here. The front end is that of the paper: 96 HTK mel
bands of unit sum over 0–22.05 kHz, power in Hann windows of 2048 samples every
"""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plugin_backend.dsp.mel import mel_spaced_frequencies, power_spectrogram, triangular_filters
from plugin_backend.errors import MissingExtraError

if TYPE_CHECKING:
    from torch import nn

PACKAGE = "--no-deps aisfx==0.1.2"
RATE_HZ, FRAMES, FFT_SAMPLES, HOP_SAMPLES, BANDS, DIMS = 44_100, 100, 2048, 1024, 96, 512
WINDOW_SAMPLES = (FRAMES - 1) * HOP_SAMPLES
GAIN, LARGEST = 1e4, 9.457798957824707
BATCH = 8


@functools.cache
def mel_bands() -> np.ndarray:
    """Return 96 triangles of sum 1, ``[bands, bins]``."""
    filters = triangular_filters(
        mel_spaced_frequencies(0.0, RATE_HZ / 2, BANDS + 2), FFT_SAMPLES, RATE_HZ, RATE_HZ / FFT_SAMPLES
    )
    return filters / filters.sum(axis=1, keepdims=True)


def log_mel(window: np.ndarray) -> np.ndarray:
    """Return the log-mel spectrum ``[100, 96]`` of ``[101376]`` samples at 44.1 kHz."""
    power = mel_bands() @ power_spectrogram(window, FFT_SAMPLES, HOP_SAMPLES)
    return (np.log10(1 + GAIN * power) / LARGEST).T.astype(np.float32)


def network(path: Path) -> nn.Module:
    """Return the embedding network with the weights of ``path``, a pickle of which only plain numbers are read."""
    import torch
    from torch import nn

    def block(inputs: int, outputs: int, pool: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.MaxPool2d(pool),
        )  # fmt: skip

    core: Any = np
    numbers: list[Any] = [
        (core._core.multiarray.scalar, "numpy.core.multiarray.scalar"),
        np.dtype,
        np.dtypes.Int64DType,
    ]
    with torch.serialization.safe_globals(numbers):
        weights, _ = torch.load(path, map_location="cpu", weights_only=True)
    model = nn.Sequential(block(1, 64, 2), block(64, 128, 2), block(128, 256, 2), block(256, DIMS, 1))
    places = {"conv1": 0, "bn1": 1, "conv2": 3, "bn2": 4}
    named = {}
    for name, tensor in weights.items():
        head, *rest = name.split(".")
        if head == "embedding_net":
            number, layer, field = int(rest[0].removeprefix("conv_block")) - 1, places[rest[1]], rest[2]
            named[f"{number}.{layer}.{field}"] = tensor
    model.load_state_dict(named)
    return model.eval()


class Aisfx:
    """The aiSFX embedding; see the module's docstring.

    Raises:
        MissingExtraError: ``aisfx`` is not installed.
    """

    name, rate_hz, window_samples = "aisfx", RATE_HZ, WINDOW_SAMPLES

    def __init__(self) -> None:
        if (package := find_spec("aisfx")) is None or package.submodule_search_locations is None:
            raise MissingExtraError("the aiSFX embedding", PACKAGE)
        self.model = network(Path(package.submodule_search_locations[0]) / "models" / "checkpoint.pth")

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """Return ``[n, 512]`` float32 for ``[n, 101376]`` samples at 44.1 kHz."""
        import torch

        points = []
        for start in range(0, len(windows), BATCH):
            mels = torch.from_numpy(np.stack([log_mel(window) for window in windows[start : start + BATCH]]))
            with torch.inference_mode():
                points.append(self.model(mels[:, None]).mean(dim=3).amax(dim=2).numpy())
        return np.concatenate(points)
