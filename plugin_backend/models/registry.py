"""Find a codec by name or file. The table of model families stands here.

A model is a ``.safetensors`` checkpoint with a JSON file beside it, or a ``.rave.json`` card. The JSON states the
model's family. A new family adds one row to :data:`FAMILIES`; see :mod:`~plugin_backend.models.family`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from plugin_backend.codecs.base import Codec, CodecSpec, DecoderStream, EncoderStream
from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import CheckpointError, ProjectError
from plugin_backend.models.checkpoint_files import MOST_CARD_BYTES

if TYPE_CHECKING:
    from plugin_backend.models.family import ModelFamily, TrainableFamily, VectorFamily

FAMILIES = {
    "waveform-vae": "plugin_backend.models.waveform_vae.family",
    "rave": "plugin_backend.models.rave.family",
    "mclt-vae": "plugin_backend.models.mclt_vae.family",
    "spectral-vae": "plugin_backend.models.spectral_vae.family",
}
"""Modules by family name. Each has a ``FAMILY``; it is imported when a model of the family is first used."""

CARDS = {".rave.json": "rave"}
"""Families of models that are named by a card, by the ending of the card's name."""

NEW_MODELS = "waveform-vae"
"""The family of models that are trained from scratch."""

FACTORY = Path(__file__).parents[1] / "factory"
PCM = PcmCodec.spec.name
SUFFIX = ".safetensors"
MODEL_SUFFIXES = (SUFFIX, *CARDS)
"""Endings of the names that are files of models; other names are factory models."""


def family(name: str) -> ModelFamily:
    """Return the family of that name.

    Raises:
        KeyError: there is no such family.
    """
    return import_module(FAMILIES[name]).FAMILY


def trainable_family(name: str) -> TrainableFamily:
    """Return the family of that name, whose models can be trained.

    Raises:
        CheckpointError: models of the family cannot be trained.
    """
    found = family(name)
    if not hasattr(found, "new_model"):
        raise CheckpointError(f"models of the family '{name}' cannot be trained")
    return cast("TrainableFamily", found)


def vector_family(name: str) -> VectorFamily:
    """Return the family of that name, whose models are trained on sounds of fixed length.

    Raises:
        ProjectError: there is no such family, or its models are not trained so.
    """
    found = family(name) if name in FAMILIES else None
    if not hasattr(found, "new_vector_model"):
        allowed = ", ".join(sorted(each for each in FAMILIES if hasattr(family(each), "new_vector_model")))
        raise ProjectError(f"--family {name}: no such family of vector models; there are {allowed}")
    return cast("VectorFamily", found)


def family_name(path: Path) -> str:
    """Return the family of a model file, from the JSON beside it.

    A JSON that cannot be read, or that names no known family, is taken for one of ``NEW_MODELS``: reading the model
    then gives the error.
    """
    for suffix, name in CARDS.items():
        if path.name.endswith(suffix):
            return name
    try:
        with open(path.with_suffix(".json"), "rb") as file:
            name = json.loads(file.read(MOST_CARD_BYTES)).get("family")
    except (OSError, ValueError, AttributeError, RecursionError):
        return NEW_MODELS
    return name if isinstance(name, str) and name in FAMILIES else NEW_MODELS


def family_of(name: str) -> ModelFamily | None:
    """Return the family of a model's name or file; ``None`` for ``pcm``, which is of none.

    Raises:
        CheckpointError: there is no such model.
    """
    return None if name == PCM else family(family_name(model_path(name)))


def factory_names() -> list[str]:
    """Return the names of the models shipped with Pisada, and ``pcm``, the identity codec."""
    return sorted(path.stem for path in FACTORY.glob(f"*{SUFFIX}")) + [PCM]


def checkpoint_path(name: str) -> Path:
    """Return the checkpoint of a factory name, or the path itself.

    Raises:
        CheckpointError: there is no such model.
    """
    path = Path(name) if name.endswith(SUFFIX) else FACTORY / f"{name}{SUFFIX}"
    if name != PCM and path.stem == PCM:
        raise CheckpointError(f"{path}: '{PCM}' is the identity codec's name; call the checkpoint something else")
    if (path.parent != FACTORY and not name.endswith(SUFFIX)) or not path.is_file():
        allowed = ", ".join(factory_names())
        raise CheckpointError(f"no model '{name}': give one of {allowed}, or the path of a {SUFFIX} checkpoint")
    return path


def model_path(name: str) -> Path:
    """Return the file of a model: a card as it is, else :func:`checkpoint_path`.

    Raises:
        CheckpointError: see :func:`checkpoint_path`.
    """
    return Path(name) if name.endswith(tuple(CARDS)) else checkpoint_path(name)


_preloaded: dict[str, Codec] = {}


def preload_codec(name: str) -> None:
    """Load a codec once for this process and for those forked from it. :func:`load_codec` then returns it.

    Raises:
        CheckpointError: see :func:`load_codec`.
    """
    _preloaded[name] = load_codec(name)


def describe_codec(name: str) -> CodecSpec:
    """Return a codec's numbers without loading its weights.

    Raises:
        CheckpointError: there is no such model, or its file is damaged.

    Examples:
        >>> spec = describe_codec("foley")
        >>> spec.sample_rate, spec.hop_samples, spec.latent_dim
        (48000, 512, 32)
    """
    found = family_of(name)
    return PcmCodec.spec if found is None else found.read_spec(model_path(name))


def read_training(name: str) -> dict:
    """Return the record of how a model was trained; empty for ``pcm`` and for imported models.

    Raises:
        CheckpointError: there is no such model, or its file is damaged.
    """
    found = family_of(name)
    return {} if found is None else found.read_training(model_path(name))


def load_codec(name: str) -> Codec:
    """Load a codec.

    Args:
        name: a factory name such as ``foley``, ``pcm``, the path of a ``.safetensors`` checkpoint, or of the
            ``.rave.json`` card of an imported RAVE export.

    Raises:
        CheckpointError: there is no such model, its file is damaged, or it is a RAVE export that is not trusted.

    Examples:
        >>> load_codec("pcm").spec.hop_samples
        512
    """
    if name in _preloaded and _preloaded[name].spec.fingerprint == describe_codec(name).fingerprint:
        return _preloaded[name]
    found = family_of(name)
    return PcmCodec() if found is None else found.load_codec(model_path(name))


class _DeferredCodec(Codec):
    """A codec whose numbers are known at once and whose weights are loaded at the first use."""

    def __init__(self, name: str):
        self._name, self.spec = name, describe_codec(name)

    @cached_property
    def _codec(self) -> Codec:
        return load_codec(self._name)

    def encoder(self, batch: int = 1) -> EncoderStream:
        return self._codec.encoder(batch)

    def decoder(
        self, batch: int = 1, seeds: Sequence[int] | None = None, sides: Sequence[float] | None = None
    ) -> DecoderStream:
        return self._codec.decoder(batch, seeds, sides)

    def silence(self, frames: int) -> np.ndarray:
        return self._codec.silence(frames)


def deferred_codec(name: str) -> Codec:
    """Return a codec that is loaded when it first encodes or decodes. Errors in its description are raised now.

    Raises:
        CheckpointError: there is no such model, or its description is damaged; later, see :func:`load_codec`.
    """
    return _DeferredCodec(name)
