"""Find a codec by name or file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from plugin_backend.codecs.base import Codec, CodecSpec, DecoderStream, EncoderStream
from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import CheckpointError
from plugin_backend.models.rave.card import SUFFIX as RAVE_SUFFIX
from plugin_backend.models.rave.card import read_card
from plugin_backend.models.waveform_vae.checkpoint_header import read_spec

FACTORY = Path(__file__).parents[1] / "factory"
PCM = PcmCodec.spec.name
SUFFIX = ".safetensors"


def factory_names() -> list[str]:
    """The models shipped with Pisada, and ``pcm``, the identity codec."""
    return sorted(path.stem for path in FACTORY.glob(f"*{SUFFIX}")) + [PCM]


def checkpoint_path(name: str) -> Path:
    """The checkpoint of a factory name, or the path itself.

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


_kept: dict[str, Codec] = {}


def preload_codec(name: str) -> None:
    """Load a codec once, for this process and for those forked from it; :func:`load_codec` then answers it.

    Raises:
        CheckpointError: see :func:`load_codec`.
    """
    _kept[name] = load_codec(name)


def describe_codec(name: str) -> CodecSpec:
    """A codec's numbers, quickly: no weights are loaded.

    Raises:
        CheckpointError: there is no such model, or its file is damaged.
    """
    if name.endswith(RAVE_SUFFIX):
        return read_card(Path(name)).spec
    return PcmCodec.spec if name == PCM else read_spec(checkpoint_path(name))


def load_codec(name: str) -> Codec:
    """Load a codec.

    Args:
        name: a factory name such as ``foley``, ``pcm``, the path of a ``.safetensors`` checkpoint, or of the
            ``.rave.json`` card of an imported RAVE export.

    Raises:
        CheckpointError: there is no such model, its file is damaged, or it is a RAVE export not trusted.
    """
    if name == PCM:
        return PcmCodec()
    if name in _kept and _kept[name].spec.fingerprint == describe_codec(name).fingerprint:
        return _kept[name]
    if name.endswith(RAVE_SUFFIX):
        from plugin_backend.models.rave.codec import RaveCodec

        return RaveCodec.read(Path(name))
    path = checkpoint_path(name)
    from plugin_backend.models.waveform_vae.codec import WaveformCodec

    return WaveformCodec(path)


class _Deferred(Codec):
    """A codec whose numbers are known at once, and whose weights are loaded when they are first wanted."""

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
    """A codec that is loaded when it first encodes or decodes: what is wrong without it is found before.

    Raises:
        CheckpointError: there is no such model, or its description is damaged; later, see :func:`load_codec`.
    """
    return _Deferred(name)
