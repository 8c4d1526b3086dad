"""What can be played: presets by name, controls with their ranges; what cannot is told before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.parameters import Parameter
from plugin_backend.transfer.parallel_nodes import check_sample_rates
from plugin_backend.transfer.settings import HITS
from presets.bank import is_file_name
from presets.lookup import check_model
from presets.preset import Preset, sound_digest
from presets.store import load_preset
from render.apply.preset_layers import Layer, make_layer
from render.instrument.actions import PRESETS, RELEASE, STRIKE, Action
from render.live.rig import Rig


class PresetPool:
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
        layers = [make_layer(codecs, one.model, self[one.preset], one.gain_db) for one in rig.add]
        for layer in layers:
            check_model(layer.preset, layer.codec)
        check_sample_rates([other.spec for other in codecs])
        return layers


VELOCITY = Parameter("velocity", 0, 1, 1, "", "How hard; heard squared.")


class PlayablePresets:
    """Presets and controls of one instrument.

    Args:
        rig: its pads, and its mode.
        codec: what the presets must have been made with.
        presets: by name.
        controls: every numeric control and its range.
    """

    def __init__(self, rig: Rig, codec: Codec, presets: Mapping[str, Preset], controls: Mapping[str, Parameter]):
        self._rig, self._codec, self._presets, self._controls = rig, codec, presets, controls
        self._digests: dict[str, str] = {}

    def __getitem__(self, name: str) -> Preset:
        """Raises PresetError if there is none."""
        if name not in self._presets:
            raise PresetError(f"no preset '{name}'")
        return self._presets[name]

    def checked(self, action: Action) -> Action:
        """The action, a pad or a file replaced by the name of its preset.

        Raises:
            ProjectError: no such control, or out of range.
            PresetError: no such preset, or one that cannot be used here.
        """
        control, text = action.control, action.text
        if control in (STRIKE, RELEASE):
            text = self._rig.pads.get(text, text)
            if text or control == STRIKE:
                check_model(self[text], self._codec)
                text = self[text].name
            if control == STRIKE:
                VELOCITY.checked(action.value)
        elif control in PRESETS:
            check_model(self[text], self._codec)
            text = self[text].name
            if self._rig.mode == HITS and self[text].header.kind != "hit":
                raise PresetError(f"preset '{text}' is a texture, which cannot strike: choose a hit, or mode transfer")
        elif control not in self._controls:
            names = [name for name in self._controls if not name.startswith("latent.")]
            told = ", ".join([*names, "latent.N.NAME", *PRESETS, STRIKE, RELEASE])
            raise ProjectError(f"no control '{control}'; there are {told}")
        else:
            self._controls[control].checked(action.value)
        return Action(action.at_samples, control, action.value, text)

    def digest(self, name: str) -> str:
        """What a preset sounds like, as words: other sounds, levels or fades give others."""
        if name not in self._digests:
            own = self[name].header
            ends = "".join(f" {take.fade_out_samples}" for take in own.takes if take.fade_out_samples is not None)
            told = f"{own.gain_db:g} {own.fade_in_samples} {own.fade_out_samples}{ends}"
            self._digests[name] = f"{sound_digest(self[name])} {told}"
        return self._digests[name]
