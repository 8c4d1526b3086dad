"""What a rig plays besides its bank: presets by file, presets summed, presets of other models added."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from plugin_backend.codec import Codec
from plugin_backend.errors import PresetError
from plugin_backend.transfer.layers import check_rates
from presets.bank import is_file_name
from presets.preset import Preset
from presets.store import load_preset
from render.apply.layer import Layer, layer_of
from render.apply.targets import check_model
from render.live.rig import Rig


class Shelf:
    """A bank, and the files that a rig names; of one name, the file's preset is played.

    A file is read at once or never: what controllers send names no further ones.

    Args:
        rig: whose ``named`` presets may be files.
        presets: by name; a bank.

    Raises:
        PresetError: a file cannot be used, or two of other content have one name.
    """

    def __init__(self, rig: Rig, presets: Mapping[str, Preset]):
        self._presets, self._own = presets, {}
        files = {text: load_preset(Path(text)) for text in rig.named if is_file_name(text)}
        for text, preset in files.items():
            other = next(
                (its for its, one in files.items() if one.name == preset.name and Path(its) != Path(text)), None
            )
            if other is not None:
                raise PresetError(f"{text} and {other}: two presets of one name; rename one")
            self._own |= {text: preset, preset.name: preset}

    def __contains__(self, name: str) -> bool:
        return name in self._own or name in self._presets

    def __getitem__(self, name: str) -> Preset:
        return self._own[name] if name in self._own else self._presets[name]

    def summed(self, rig: Rig) -> list[tuple[Preset, float]]:
        """The rig's presets to sum, each with its weight."""
        return [(self[name], weight) for name, weight in rig.sum.items()]

    def added(self, rig: Rig, codec: Codec) -> list[Layer]:
        """The rig's presets to decode beside, each with the codec named, one loaded before that made it, or its own.

        Raises:
            CheckpointError: there is no such codec, or it works at another rate.
            PresetError: a preset is of another one.
        """
        codecs = [codec]
        layers = [layer_of(codecs, one.model, self[one.preset], one.gain_db) for one in rig.add]
        for layer in layers:
            check_model(layer.preset, layer.codec)
        check_rates([other.spec for other in codecs])
        return layers
