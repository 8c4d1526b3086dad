"""Playable presets and controls. An action that is not possible is refused before it is applied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.parameters import Parameter
from plugin_backend.transfer.parallel_nodes import check_sample_rates
from plugin_backend.transfer.settings import HITS
from presets.axes import Axes
from presets.bank import Bank, is_file_name
from presets.lookup import check_model
from presets.preset import Preset, sound_digest
from presets.store import load_preset
from render.apply.preset_layers import Layer, make_layer
from render.instrument.actions import HIGHEST_NOTE, PRESETS, RELEASE, STRIKE, STRIKES, WALK, Action, split_note
from render.live.rig import Rig


class PresetSource(Protocol):
    """Presets by name: a bank, or a dictionary."""

    def __contains__(self, name: str, /) -> bool: ...

    def __getitem__(self, name: str, /) -> Preset: ...


class PresetPool:
    """The presets of a bank, and of the files that a rig names. A file's preset replaces the bank's of the same name.

    Files are read when the pool is made and never later: controllers cannot name more files.

    Args:
        rig: its ``named`` presets may be files.
        presets: a bank: presets by name.

    Raises:
        PresetError: a file cannot be used, or two files hold presets of the same name.
    """

    def __init__(self, rig: Rig, presets: PresetSource):
        self._presets = presets
        self._from_files: dict[str, Preset] = {}
        names = [split_note(text)[0] for text in rig.named]
        files = {name: load_preset(Path(name)) for name in names if is_file_name(name)}
        for text, preset in files.items():
            same_name = (path for path, other in files.items() if other.name == preset.name)
            other = next((path for path in same_name if Path(path) != Path(text)), None)
            if other is not None:
                raise PresetError(f"{text} and {other}: two presets of one name; rename one")
            self._from_files |= {text: preset, preset.name: preset}

    def __contains__(self, name: str) -> bool:
        return name in self._from_files or name in self._presets

    def __getitem__(self, name: str) -> Preset:
        return self._from_files[name] if name in self._from_files else self._presets[name]

    def axes(self, fingerprint: str) -> Axes | None:
        """Return the axes of a model, if the presets are of a bank; see :meth:`presets.bank.Bank.axes`.

        Raises:
            PresetError: an axes file cannot be used.
        """
        return self._presets.axes(fingerprint) if isinstance(self._presets, Bank) else None

    def summed(self, rig: Rig) -> list[tuple[Preset, float]]:
        """Return the presets that the rig sums, each with its weight."""
        return [(self[name], weight) for name, weight in rig.sum.items()]

    def added(self, rig: Rig, codec: Codec) -> list[Layer]:
        """Return the layers that the rig adds.

        Each layer has the codec that the rig names; otherwise a codec that is already loaded and made the preset;
        otherwise the preset's own.

        Raises:
            CheckpointError: a codec does not exist, or works at another rate.
            PresetError: a preset is of another codec.
        """
        codecs = [codec]
        layers = [make_layer(codecs, each.model, self[each.preset], each.gain_db) for each in rig.add]
        for layer in layers:
            check_model(layer.preset, layer.codec)
        check_sample_rates([other.spec for other in codecs])
        return layers


VELOCITY = Parameter("velocity", 0, 1, 1, "", "How hard the strike is; squared into gain.")


class PlayablePresets:
    """Presets and controls of one instrument.

    Args:
        rig: its pads and its mode are used.
        codec: the model that the presets must be of.
        presets: by name.
        controls: every numeric control and its range.
    """

    def __init__(self, rig: Rig, codec: Codec, presets: PresetPool, controls: Mapping[str, Parameter]):
        self._rig, self._codec, self._presets, self._controls = rig, codec, presets, controls
        self._digests: dict[str, str] = {}

    def __getitem__(self, name: str) -> Preset:
        """Return a preset by its name.

        Raises:
            PresetError: there is none of that name.
        """
        if name not in self._presets:
            raise PresetError(f"no preset '{name}'")
        return self._presets[name]

    def resolve(self, action: Action) -> Action:
        """Check an action, and replace a pad or a file in it by the name of its preset.

        Raises:
            ProjectError: the control does not exist, or its value is out of range.
            PresetError: the preset does not exist, or cannot be used here.
        """
        control, text = action.control, action.text
        if control in (*STRIKES, RELEASE):
            name, note = split_note(self._rig.pads.get(text, text))
            text = name
            if name or control in STRIKES:
                check_model(self[name], self._codec)
                text = self[name].name + ("" if note is None else f"@{note}")
            if note is not None and note > HIGHEST_NOTE:
                raise ProjectError(f"note {note} of '{text}': notes are 0 to {HIGHEST_NOTE}")
            if control in STRIKES:
                VELOCITY.validate(action.value)
            if control == WALK and self[name].header.kind != "hit":
                raise PresetError(f"preset '{text}' is a texture, which cannot walk: choose a hit")
        elif control in PRESETS:
            check_model(self[text], self._codec)
            text = self[text].name
            if self._rig.mode == HITS and self[text].header.kind != "hit":
                raise PresetError(f"preset '{text}' is a texture, which cannot strike: choose a hit, or mode transfer")
        elif control not in self._controls:
            names = [name for name in self._controls if not name.startswith("latent.")]
            listed = ", ".join([*names, "latent.N.NAME", *PRESETS, STRIKE, WALK, RELEASE])
            raise ProjectError(f"no control '{control}'; there are {listed}")
        else:
            self._controls[control].validate(action.value)
        return Action(action.at_samples, control, action.value, text)

    def digest(self, name: str) -> str:
        """Return a text that identifies how a preset sounds: it changes with the sound, the level and the fades.

        The name may have a note.
        """
        if name not in self._digests:
            preset = self[split_note(name)[0]]
            header = preset.header
            ends = "".join(f" {take.fade_out_samples}" for take in header.takes if take.fade_out_samples is not None)
            level = f"{header.gain_db:g} {header.fade_in_samples} {header.fade_out_samples}{ends}"
            self._digests[name] = f"{sound_digest(preset)} {level}"
        return self._digests[name]
