"""What training, evaluation, export and presets may ask of a model family.

A family is a kind of model with its own network and files. Its name stands in the JSON of each of its models. Code
outside a family's folder uses only what is declared here; :mod:`~plugin_backend.models.registry` finds the family of a
file. Presets, rendering and live playing use only the :class:`~plugin_backend.codecs.base.Codec` that it loads.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from plugin_backend.codecs.base import Codec

if TYPE_CHECKING:
    import numpy as np
    from torch import Generator, Tensor, nn

    from plugin_backend.codecs.base import CodecSpec


@dataclass(frozen=True)
class Computation:
    """How this process computes the models of a family.

    Attributes:
        products: the implementation of the matrix products.
        exact: whether sums are the same in any blocks, batches and jobs.
        remark: the same for a person, in one line.
        by_torch: whether PyTorch computes; its results depend on the processor.
    """

    products: str
    exact: bool
    remark: str
    by_torch: bool = True


class ModelFamily(Protocol):
    """A kind of model: how its files are read."""

    def computation(self) -> Computation | None:
        """Return how this process computes its models; ``None`` if that is not known.

        Raises:
            ProjectError: an environment variable that chooses the implementation has a wrong value.
        """

    def read_spec(self, path: Path) -> CodecSpec:
        """Return the codec's numbers without loading its weights.

        Raises:
            CheckpointError: the model is not readable.
        """

    def read_training(self, path: Path) -> dict:
        """Return the record of how the model was trained; empty if there is none.

        Raises:
            CheckpointError: the model's description is not readable.
        """

    def load_codec(self, path: Path) -> Codec:
        """Load the model as a codec.

        Raises:
            CheckpointError: the model is not readable.
        """


@dataclass(frozen=True)
class RandomDraws:
    """All random numbers of a training step.

    Attributes:
        noise: of the latents, ``[batch, frames, dim]``; ``None``: the posterior's means are used.
        seeds: of the two decodings, ``[2, batch]`` int64.
        sizes: the STFT sizes that are compared.
    """

    noise: Tensor | None
    seeds: Tensor
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class DecodedTwice:
    """Sounds decoded twice with different noise.

    Attributes:
        first: the first decoding, ``[batch, samples]``.
        second: the second decoding, aligned with the first.
        truth: the original, aligned with both.
        kl_divergence: of the latents, in nats, a scalar.
        level_error: of the band levels that the decoder predicts, in nepers, a scalar; 0 if it predicts none.
    """

    first: Tensor
    second: Tensor
    truth: Tensor
    kl_divergence: Tensor
    level_error: Tensor


class SavedFamily(ModelFamily, Protocol):
    """A family whose models are PyTorch modules that Pisada reads and writes."""

    def load_model(self, path: Path) -> nn.Module:
        """Return the model of a checkpoint, in evaluation mode.

        Raises:
            CheckpointError: the checkpoint is not readable.
        """

    def save_model(self, model: nn.Module, path: Path, training: dict) -> None:
        """Write a model and the record of its training to ``path`` (``….safetensors``).

        Args:
            model: the model.
            path: the file, ``….safetensors``.
            training: the record, plain JSON.
        """


class TrainableFamily(SavedFamily, Protocol):
    """A family whose models Pisada trains.

    Its models are modules with ``config`` (``sample_rate``, ``hop``, ``latent_dim`` and ``latency``, all whole
    numbers) and ``decoder``, the part that the second phase trains.

    Attributes:
        sample_rate: of new models, in Hz.
    """

    sample_rate: int

    def new_model(self) -> nn.Module:
        """Return an untrained model."""

    def decode_twice(
        self,
        model: nn.Module,
        audio: Tensor,
        draws: RandomDraws,
        frozen: bool,
        precision: AbstractContextManager,
    ) -> DecodedTwice:
        """Encode ``audio`` ``[batch, samples]`` once and decode it twice.

        Args:
            model: the model.
            audio: the sounds.
            draws: the random numbers.
            frozen: whether the encoder gets no gradients.
            precision: the context for the matrix products.
        """

    def calibrate(self, model: nn.Module, batches: list[Tensor]) -> dict[str, Any]:
        """Set a trained model's output level and the order of its latents, and return what the record keeps of them.

        Args:
            model: the model; it is changed.
            batches: sounds to measure, each ``[batch, samples]``.
        """


@dataclass(frozen=True)
class ClipBatch:
    """Sounds of fixed length, for the training of vector models.

    Attributes:
        audio: ``[batch, hop]``.
        pitch: in octaves above MIDI note 60, ``[batch]``; NaN where it is not known.
    """

    audio: Tensor
    pitch: Tensor


class VectorFamily(SavedFamily, Protocol):
    """A family that Pisada trains on sounds of fixed length, by :mod:`plugin_backend.training.vector_trainer`.

    Its models are modules with ``config`` (``sample_rate`` and ``hop``, both whole numbers).

    Attributes:
        configurations: names of the models that can be trained; the first is the default.
        aligned: whether a clip begins where its sound does. Otherwise clips are cut anywhere and have gaps.
        pitched: whether the models use the pitch of clips.
    """

    configurations: tuple[str, ...]
    aligned: bool
    pitched: bool

    def clip_format(self, configuration: str) -> tuple[int, int]:
        """Return the sample rate in Hz and the length of a clip in samples."""

    def new_vector_model(self, configuration: str) -> nn.Module:
        """Return an untrained model. Its weights follow from torch's default random generator."""

    def measure(self, model: nn.Module, batches: list[ClipBatch]) -> dict[str, Any]:
        """Set what a new model must know of its sounds, such as their range of dB, in its buffers.

        Called once, before the first step.

        Args:
            model: the model; it is changed.
            batches: training sounds.

        Returns:
            What the record keeps of it, plain JSON.
        """

    def loss_terms(
        self, model: nn.Module, batch: ClipBatch, generator: Generator | None, progress: float
    ) -> dict[str, Tensor]:
        """Return the loss of a batch, and its parts, as scalars. The first entry is minimised.

        Args:
            model: the model.
            batch: the sounds.
            generator: of all random numbers, on the CPU; ``None`` in validation: the posterior's means are used.
            progress: of the run, 0 … 1.
        """


class ExportableCodec(Codec):
    """A codec that can be exported for other programs."""

    @abstractmethod
    def scriptable_parts(self, by_matrix: bool) -> tuple[nn.Module, nn.Module]:
        """Return the encoder and the decoder of a stream, in steps that TorchScript and ONNX support.

        Both have ``remembered``: how many numbers they keep between two blocks. That past is ``[batch, remembered]``
        float32, and zeros at the start of a sound. The encoder takes audio ``[batch, k * hop_samples]`` and the past;
        it returns means and deviations, each ``[batch, k, dims]``, and the next past. The decoder takes latents
        ``[batch, k, dims]`` and the past; it returns audio, late by the codec's latency, and the next past.

        Args:
            by_matrix: whether the other program has no Fourier transform.
        """


@runtime_checkable
class BatchableCodec(Protocol):
    """A codec that can compute several streams in one call.

    A past is float arrays in nested tuples; their first dimension is the row.
    """

    def encode_rows(self, audio: np.ndarray, past: Any) -> tuple[np.ndarray, Any]:
        """Return the latent means of ``[rows, k * hop_samples]`` and the past after them."""

    def decode_rows(self, latents: np.ndarray, past: Any) -> tuple[np.ndarray, Any]:
        """Return the sound of ``[rows, k, dims]`` and the past after it."""

    def decoder_past(self, batch: int, seeds: Sequence[int] | None, sides: Sequence[float] | None) -> Any:
        """Return the past of a decoder stream at its start.

        Args:
            batch: number of rows.
            seeds: of the rows' noise, or ``None``.
            sides: of the rows' noise, −1 … 1, or ``None``.
        """
