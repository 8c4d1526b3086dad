"""What can be played: presets by name, controls with their ranges; what cannot is told before it is done."""

from __future__ import annotations

from collections.abc import Mapping

from plugin_backend.codec import Codec
from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.parameter import Parameter
from presets.digest import sound_digest
from presets.preset import Preset
from render.apply.settings import HITS
from render.apply.targets import check_model
from render.live.actions import PRESETS, RELEASE, STRIKE, Action
from render.live.rig import Rig

VELOCITY = Parameter("velocity", 0, 1, 1, "", "How hard; heard squared.")


class Repertoire:
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
