"""What sounds together in one application: presets summed before one decoding, or decoded beside one another."""

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
    """A preset with its codec, decoded by itself.

    Attributes:
        gain_db: of this layer; the level of all comes on top.
        targets: of its node's slots, in order; none where it strikes.
        weights: of the slots from ``c`` on, summed with the first two.
    """

    codec: Codec
    preset: Preset
    gain_db: float = 0.0
    targets: dict[str, Target] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)


def make_layer(codecs: list[Codec], model: str | None, preset: Preset, gain_db: float) -> Layer:
    """A preset with the codec named, or one of ``codecs`` that made it, or its own, which then joins them.

    Raises:
        CheckpointError: there is no such model.
    """
    found = [codec for codec in codecs if not model and codec.spec.fingerprint == preset.header.fingerprint]
    if not found:
        found = [deferred_codec(model or preset.header.codec)]
        codecs += found
    return Layer(found[0], preset, gain_db)


def check_sums(layer: Layer, to: Preset | None, summed: Sequence[tuple[Preset, float]]) -> None:
    """Whether presets can be moved between, and summed, in a layer's codec.

    Raises:
        PresetError: one is of another model.
        ProjectError: there are not so many slots.
    """
    if len(summed) > MOST_SLOTS - PAIR:
        raise ProjectError(f"{len(summed)} presets to sum; at most {MOST_SLOTS - PAIR} can be summed with another")
    if to is not None:
        check_model(to, layer.codec)
    for preset, _ in summed:
        check_model(preset, layer.codec, "their latents have no sum; add the preset, decoded beside it")


def as_transfer_layer(layer: Layer, to: Preset | None = None, summed: Sequence[tuple[Preset, float]] = ()) -> Layer:
    """The layer with targets: its preset's, that of ``to`` for ``morph``, and those of presets summed, with weights.

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
    form = f"sum {text!r}: write PRESET=WEIGHT, as in cloth-leather=0.5"
    name, _, number = text.rpartition("=")
    return _named(name, form), _number(number, "weight", form)


def parse_added(text: str) -> tuple[str | None, str, float]:
    """Read ``cloth-leather``, ``cloth-leather=-6`` or ``my-doors.safetensors:knock=-6``: model, preset, level in dB.

    Raises:
        ProjectError: malformed, or out of range.
    """
    form = f"add {text!r}: write PRESET, PRESET=GAIN_DB or MODEL:PRESET=GAIN_DB, as in cloth-leather=-6"
    what, _, number = text.rpartition("=") if "=" in text else (text, "", "0")
    model, colon, name = what.rpartition(":")
    return (_named(model, form) if colon else None), _named(name, form), _number(number, "gain_db", form)


def _named(name: str, form: str) -> str:
    if not name:
        raise ProjectError(form)
    return name


def _number(text: str, control: str, form: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ProjectError(form) from None
    return PARAMETERS[control].checked(value)
