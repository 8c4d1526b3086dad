"""Presets applied together: summed before one decoding, or decoded side by side and added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import ProjectError
from plugin_backend.models.registry import deferred_codec
from plugin_backend.transfer.latent_mover import MOST_SLOTS, PAIR, slot_names
from plugin_backend.transfer.parameters import PARAMETERS
from plugin_backend.transfer.target import Target
from presets.lookup import check_model, target_of
from presets.preset import Preset


@dataclass(frozen=True)
class Layer:
    """A preset with its codec, decoded separately.

    Attributes:
        codec: decodes it.
        preset: the preset.
        gain_db: of this layer; the total gain is added to it.
        targets: targets of its node's slots, in order; empty in mode ``hits``.
        weights: weights of the slots from ``c`` on, summed with the first two.
    """

    codec: Codec
    preset: Preset
    gain_db: float = 0.0
    targets: dict[str, Target] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)


def make_layer(codecs: list[Codec], model: str | None, preset: Preset, gain_db: float) -> Layer:
    """Return a layer with the named model's codec, or one of ``codecs`` that made the preset, or the preset's own.

    Args:
        codecs: loaded codecs; the preset's own codec is added to them if needed.
        model: the model's name or file; None finds the codec by the preset.
        preset: the preset.
        gain_db: the layer's gain.

    Raises:
        CheckpointError: there is no such model.
    """
    matching = [codec for codec in codecs if not model and codec.spec.fingerprint == preset.header.fingerprint]
    if not matching:
        matching = [deferred_codec(model or preset.header.codec)]
        codecs += matching
    return Layer(matching[0], preset, gain_db)


def check_sums(layer: Layer, to: Preset | None, summed: Sequence[tuple[Preset, float]]) -> None:
    """Check that a layer's codec can morph to a preset and sum presets.

    Args:
        layer: the layer.
        to: the preset that ``morph`` leads to.
        summed: presets and weights.

    Raises:
        PresetError: one is of another model.
        ProjectError: there are not enough slots.
    """
    if len(summed) > MOST_SLOTS - PAIR:
        raise ProjectError(f"{len(summed)} presets to sum; at most {MOST_SLOTS - PAIR} can be summed with another")
    if to is not None:
        check_model(to, layer.codec)
    for preset, _ in summed:
        check_model(preset, layer.codec, "their latents have no sum; add the preset, decoded beside it")


def as_transfer_layer(layer: Layer, to: Preset | None = None, summed: Sequence[tuple[Preset, float]] = ()) -> Layer:
    """Return the layer with targets and weights: its preset's target, that of ``to``, and those of the summed presets.

    Args:
        layer: the layer.
        to: the preset that ``morph`` leads to.
        summed: presets and weights.

    Raises:
        PresetError, ProjectError: see :func:`check_sums`.
    """
    check_sums(layer, to, summed)
    slots = slot_names(PAIR + len(summed))[PAIR:]
    presets = {"a": layer.preset, "b": to, **{slot: own for slot, (own, _) in zip(slots, summed, strict=True)}}
    return replace(
        layer,
        targets={slot: target_of(own, layer.codec) for slot, own in presets.items() if own is not None},
        weights={slot: weight for slot, (_, weight) in zip(slots, summed, strict=True)},
    )


def parse_sum(text: str) -> tuple[str, float]:
    """Read ``cloth-leather=0.5``: a preset and its weight.

    Raises:
        ProjectError: malformed, or out of range.
    """
    usage = f"sum {text!r}: write PRESET=WEIGHT, as in cloth-leather=0.5"
    name, _, number = text.rpartition("=")
    return _check_name(name, usage), _number(number, "weight", usage)


def parse_added(text: str) -> tuple[str | None, str, float]:
    """Read ``cloth-leather``, ``cloth-leather=-6`` or ``my-doors.safetensors:knock=-6``: model, preset, gain in dB.

    Raises:
        ProjectError: malformed, or out of range.
    """
    usage = f"add {text!r}: write PRESET, PRESET=GAIN_DB or MODEL:PRESET=GAIN_DB, as in cloth-leather=-6"
    preset_text, _, number = text.rpartition("=") if "=" in text else (text, "", "0")
    model, colon, name = preset_text.rpartition(":")
    return (_check_name(model, usage) if colon else None), _check_name(name, usage), _number(number, "gain_db", usage)


def _check_name(name: str, usage: str) -> str:
    if not name:
        raise ProjectError(usage)
    return name


def _number(text: str, control: str, usage: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ProjectError(usage) from None
    return PARAMETERS[control].validate(value)
