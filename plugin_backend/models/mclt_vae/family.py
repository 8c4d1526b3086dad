"""The phase-aware models as a :class:`~plugin_backend.models.family.ModelFamily`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plugin_backend.models.mclt_vae.checkpoint_header import read_spec, read_training

if TYPE_CHECKING:
    from plugin_backend.codecs.base import Codec, CodecSpec
    from plugin_backend.models.family import Computation


class MclVaeFamily:
    """Reads and writes phase-aware models."""

    def computation(self) -> Computation | None:
        return None

    def read_spec(self, path: Path) -> CodecSpec:
        return read_spec(path)

    def read_training(self, path: Path) -> dict:
        return read_training(path)

    def load_codec(self, path: Path) -> Codec:
        from plugin_backend.models.mclt_vae.codec import MclVaeCodec

        return MclVaeCodec(path)


FAMILY = MclVaeFamily()
