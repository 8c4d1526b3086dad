"""Loggers of a run's losses and example sounds: none, or TensorBoard."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plugin_backend.errors import MissingExtraError, OutputError


class Logger:
    """A logger that keeps nothing."""

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Log the values of one step, by name."""

    def sounds(self, step: int, truth: np.ndarray, decoded: np.ndarray, sample_rate: int) -> None:
        """Log a validation crop and the decoded crop, ``[samples]`` each.

        Args:
            step: the training step.
            truth: the crop.
            decoded: the decoded crop.
            sample_rate: in Hz.
        """

    def close(self) -> None:
        """Close the log."""


class TensorBoardLogger(Logger):
    """A logger that writes TensorBoard event files into ``folder``.

    Raises:
        MissingExtraError: the ``train`` extra is not installed.
        OutputError: ``folder`` cannot be written.
    """

    def __init__(self, folder: Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as problem:
            raise MissingExtraError("TensorBoard", "train") from problem
        try:
            self.writer = SummaryWriter(str(folder))
        except OSError as problem:
            raise OutputError(f"{folder}: cannot write TensorBoard's files here ({problem.strerror})") from problem

    def scalars(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(f"loss/{name}", value, step)

    def sounds(self, step: int, truth: np.ndarray, decoded: np.ndarray, sample_rate: int) -> None:
        for name, audio in (("held-out/truth", truth), ("held-out/decoded", decoded)):
            self.writer.add_audio(name, np.clip(audio, -1, 1)[None], step, sample_rate=sample_rate)

    def close(self) -> None:
        self.writer.close()
