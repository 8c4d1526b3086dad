"""Imported RAVE exports as a :class:`~plugin_backend.models.family.ModelFamily`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plugin_backend.models.rave.card import read_card

if TYPE_CHECKING:
    from plugin_backend.codecs.base import Codec, CodecSpec
    from plugin_backend.models.family import Computation


class RaveFamily:
    """Reads RAVE exports. Pisada does not know how they were trained."""

    def computation(self) -> Computation | None:
        return None

    def read_spec(self, path: Path) -> CodecSpec:
        return read_card(path).spec

    def read_training(self, path: Path) -> dict:
        return {}

    def load_codec(self, path: Path) -> Codec:
        from plugin_backend.models.rave.codec import RaveCodec

        return RaveCodec.read(path)


FAMILY = RaveFamily()
