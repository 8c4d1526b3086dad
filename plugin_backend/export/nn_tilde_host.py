"""An emulation of the nn~ host in Python. It checks an export without Max or Pure Data.

Written after acids-ircam/nn_tilde's ``src/backend/backend.cpp`` (commit 5941793): which names it reads, how it reduces
signals to a method's ratio, and which shapes it does not accept.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from plugin_backend.errors import CheckpointError

KINDS = {0: bool, 1: int, 2: float, 3: str}
RATIOS = {2**power for power in range(20)}


class NnHost:
    """A file loaded as nn~ loads it.

    Args:
        file: its path, or an open file.
        name: its name in messages; by default its path.

    Raises:
        CheckpointError: a method, buffer, ratio, label or attribute is not as nn~ needs it; the message says which.
    """

    def __init__(self, file: Path | BinaryIO, name: str | None = None):
        self.name = name or str(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model = torch.jit.load(file).eval()
        self.params = {name: self._params(name) for name in self.model.get_methods()}
        self.attributes = {name: self._kinds(name) for name in self.model.get_attributes()}
        for name in self.attributes:
            self.set(name, *self.get(name))

    @property
    def highest_ratio(self) -> int:
        """The host's smallest block, in samples."""
        return max(max(params[1], params[3]) for params in self.params.values())

    def _refuse(self, problem: str) -> CheckpointError:
        return CheckpointError(f"{self.name}: nn~ cannot use it: {problem}")

    def _buffer(self, name: str) -> list[int]:
        if not isinstance(values := getattr(self.model, name, None), torch.Tensor):
            raise self._refuse(f"no tensor '{name}'")
        return values.tolist()

    def _params(self, method: str) -> list[int]:
        params = self._buffer(f"{method}_params")
        if len(params) != 4 or min(params) < 1 or not {params[1], params[3]} <= RATIOS:
            raise self._refuse(f"'{method}_params' is {params}; channels and powers of two are allowed")
        if not hasattr(self.model, method):
            raise self._refuse(f"no method '{method}'")
        for side, count in (("input", params[0]), ("output", params[2])):
            if len(getattr(self.model, f"{method}_{side}_labels", [])) != count:
                raise self._refuse(f"'{method}_{side}_labels' must have {count} entries")
        return params

    def _kinds(self, attribute: str) -> list[type]:
        codes = self._buffer(f"{attribute}_params")
        if not codes or not set(codes) <= set(KINDS):
            raise self._refuse(f"'{attribute}_params' is {codes}; type codes 0 to 3 are allowed")
        return [KINDS[code] for code in codes]

    def get(self, attribute: str) -> list:
        """Return an attribute's values, which must be a list or tuple of its types."""
        values = getattr(self.model, f"get_{attribute}")()
        kinds = self.attributes[attribute]
        if not isinstance(values, list | tuple) or [type(value) for value in values] != kinds:
            raise self._refuse(f"'get_{attribute}' returns {values!r}, not {[kind.__name__ for kind in kinds]}")
        return list(values)

    def set(self, attribute: str, *values: object) -> None:
        """Set an attribute; its setter must return 0."""
        if (result := getattr(self.model, f"set_{attribute}")(*values)) != 0:
            raise self._refuse(f"'set_{attribute}' returns {result!r}, not 0")

    @torch.inference_mode()
    def perform(self, method: str, signals: np.ndarray, batches: int = 1) -> np.ndarray:
        """Process one block: ``[batches * channels in, samples]`` → ``[batches * channels out, samples]``.

        All signals are at full rate, also latents: a latent's value lasts for a ratio of samples, and the last one is
        read.

        Args:
            method: its name.
            signals: the input.
            batches: number of batches.
        """
        channels_in, ratio_in, channels_out, ratio_out = self.params[method]
        samples = signals.shape[1]
        x = torch.from_numpy(np.ascontiguousarray(signals, np.float32))
        x = x.reshape(channels_in, batches, -1, ratio_in).select(-1, -1).permute(1, 0, 2)
        y = getattr(self.model, method)(x)
        y = y.repeat_interleave(ratio_out).reshape(batches, channels_out, -1)
        if y.shape[2] != samples or y.dtype != torch.float32:
            raise self._refuse(f"'{method}' returns {y.shape[2]} samples of {y.dtype} for a block of {samples}")
        return y.reshape(batches * channels_out, -1).numpy()
