"""The instrument of a session as data: what is shaped and how, its history, and the preset that it makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import msgspec

from plugin_backend.effects.parameters import CONTROLS as EFFECT_CONTROLS
from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.parameters import AXIS
from presets.axes import needed_axes
from presets.mixing import mix_presets
from presets.preset import CHAIN_KINDS, Preset, Provenance
from render.instrument.actions import LATENT
from render.instrument.effect_chain import Effect
from studio.web.library import Library
from studio.web.sound.acts import EFFECTS, RESTART, SECOND, STRIKE, Act

MOST_STEPS = 200


class Patch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the instrument plays, and how it is shaped.

    Attributes:
        preset: key of the preset; empty for none yet.
        second: key of the preset that ``morph`` leads to; empty for none.
        values: control → value, of those that were moved.
        effects: the rack.
        locked: controls that A/B, morphing between A and B, and random changes leave as they are.
    """

    preset: Annotated[str, msgspec.Meta(max_length=256)] = ""
    second: Annotated[str, msgspec.Meta(max_length=256)] = ""
    values: Annotated[dict[str, float | None], msgspec.Meta(max_length=1024)] = {}
    effects: Annotated[list[Effect], msgspec.Meta(max_length=8)] = []
    locked: Annotated[list[str], msgspec.Meta(max_length=1024)] = []

    def acts(self) -> Iterator[Act]:
        """Yield the acts that bring a new engine into this state."""
        yield Act("shaped", SECOND, text=self.second)
        yield Act("shaped", EFFECTS, text=msgspec.json.encode(self.effects).decode() if self.effects else "")
        for control, value in self.values.items():
            if value is not None:
                yield Act("shaped", control, value)


class History:
    """The states of a patch, to undo and redo.

    Args:
        patch: the first state.
    """

    def __init__(self, patch: Patch):
        self._states, self._at = [patch], 0

    @property
    def patch(self) -> Patch:
        """The current state."""
        return self._states[self._at]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a later state."""
        return self._at + 1 < len(self._states)

    def add(self, patch: Patch) -> None:
        """Go to a new state; later ones are dropped."""
        if patch != self.patch:
            self._states = [*self._states[: self._at + 1], patch][-MOST_STEPS:]
            self._at = len(self._states) - 1

    def step(self, by: int) -> Patch:
        """Go back (−1) or forward (1), as far as there are states, and return the state."""
        self._at = min(max(0, self._at + by), len(self._states) - 1)
        return self.patch


def take_acts(patch: Patch, takes: int, gap_samples: int, velocity: float) -> list[Act]:
    """Return the acts that play takes of a patch from a restart on.

    Args:
        patch: the instrument.
        takes: how many strikes.
        gap_samples: from one strike to the next.
        velocity: 0..1, of each.
    """
    strikes = [Act("shaped", STRIKE, velocity, patch.preset, at=take * gap_samples) for take in range(takes)]
    return [Act("all", RESTART, at=0), *(msgspec.structs.replace(act, at=0) for act in patch.acts()), *strikes]


def shaped_preset(library: Library, patch: Patch, name: str, **fields: object) -> Preset:
    """Return the preset that a patch makes: latents, modes, level and effects as they sound.

    The morph becomes a mixture of the two presets. ``freeze`` and smoothing act while a sound plays and are left out.

    Args:
        library: the banks.
        patch: the instrument.
        name: of the new preset.
        fields: header fields in place of the preset's.

    Raises:
        PresetError: the preset cannot be made.
        ProjectError: an effect cannot be kept in a preset.
    """
    preset = library.preset(patch.preset)
    values = {control: value for control, value in patch.values.items() if value is not None}
    made = f"{preset.name} shaped in the studio"
    if patch.second and values.get("morph"):
        second, morph = library.preset(patch.second), values["morph"]
        preset = mix_presets([preset, second], library.models.codec(preset), name, "linear", [1 - morph, morph])
    header = preset.header
    mover = LatentMover(1, preset.means[0].shape[1], 1.0)
    offsets = {control.removeprefix(AXIS): value for control, value in values.items() if control.startswith(AXIS)}
    if offsets:
        mover.set_offset(needed_axes(library.axes(header.fingerprint), header.codec).to_latents(offsets))
    for control, value in values.items():
        if match := LATENT.fullmatch(control):
            mover.set_latent(int(match[1]), match[2], value)
    ring = {name.removeprefix("ring_"): value for name, value in values.items() if name.startswith("ring_")}
    if unknown := [effect.name for effect in patch.effects if effect.name not in CHAIN_KINDS]:
        allowed = ", ".join(CHAIN_KINDS)
        raise ProjectError(
            f"effect {unknown[0]} cannot be kept in a preset; {allowed} can. Remove it, or render instead"
        )
    chain = [{"type": effect.name, **effect.settings} for effect in patch.effects]
    before = header.provenance or Provenance(made="")
    changed = msgspec.structs.replace(
        header,
        name=name,
        ring=msgspec.structs.replace(header.ring, **ring),
        chain=[*header.chain, *chain],
        provenance=Provenance(made=made, migrated=before.migrated),
        **fields,
    )
    means = [mover.apply_latent_controls(take.astype("float64")).astype("float32") for take in preset.means]
    return replace(preset, header=changed, means=means)


def check_patch(library: Library, patch: Patch) -> None:
    """Check that a patch names presets and effects that exist.

    Raises:
        PresetError, ProjectError: it does not.
    """
    for key in filter(None, (patch.preset, patch.second)):
        library.preset(key)
    for effect in patch.effects:
        if effect.name not in EFFECT_CONTROLS:
            raise ProjectError(f"no effect '{effect.name}'; there are {', '.join(EFFECT_CONTROLS)}")
    if patch.second and not patch.preset:
        raise PresetError("a second preset needs a first one")
