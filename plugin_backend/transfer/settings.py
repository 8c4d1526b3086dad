"""Settings of how a preset is applied to a recording."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from plugin_backend.errors import ProjectError
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.parameters import AXES, LATENT_PARAMETERS, PARAMETERS, WIDTH
from plugin_backend.transfer.transfer_node import TransferNode

TRANSFER, HITS = "transfer", "hits"
LATENT = re.compile(r"([0-9]{1,4}):(.+)")
SWITCHES = {"on": ("on", 1.0), "off": ("on", 0.0), "freeze": ("freeze", 1.0)}


@dataclass(frozen=True)
class Settings:
    """Settings of one application.

    Attributes:
        mode: ``transfer`` moves the recording's latents, ``hits`` plays a take at each of its hits.
        controls: values of :data:`~plugin_backend.transfer.parameters.PARAMETERS`. Absent ones have their default.
        latents: latent → values of ``LATENT_PARAMETERS``.
        mono: encode the mean of a recording's channels.
        width: 0 … 1: how far the noises of left and right differ.
        running: measure the recording as it runs, as live playing does, and not in a first pass.
        sensitivity, min_gap_ms: see :class:`plugin_backend.hit_detection.Sensitivity`. The default is more sensitive
            than for a guide track, because the recording is a performance for the preset.
        seed: of the project. The seed of each hit derives from it.
        bits: of the file that is written.
        offset: is added to the bias of every latent, one number each; empty for nothing. Axes make it.

    Raises:
        ProjectError: a value is out of range, or a control cannot be used in the mode.
    """

    mode: str = TRANSFER
    controls: dict[str, float] = field(default_factory=dict)
    latents: dict[int, dict[str, float]] = field(default_factory=dict)
    mono: bool = False
    width: float = WIDTH.default
    running: bool = False
    sensitivity: float = 2.0
    min_gap_ms: float = 150.0
    seed: int = 0
    bits: int = 24
    offset: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for table, controls in (
            (PARAMETERS, self.controls),
            *((LATENT_PARAMETERS, controls) for controls in self.latents.values()),
        ):
            for name, value in controls.items():
                if name not in table:
                    raise ProjectError(f"no control '{name}'; there are {', '.join(table)}")
                table[name].validate(value)
        WIDTH.validate(self.width)
        unusable = [name for name in self.controls if name not in ("mix", "gain_db", "follow")]
        unusable += [name for name in ("mono", "width", "running") if getattr(self, name)]
        if self.mode == HITS and unusable:
            names = ", ".join(unusable)
            raise ProjectError(f"hits are played, not moved: {names} cannot be used with them")
        if self.mono and self.width:
            raise ProjectError("a mono encoding has one noise for all channels: give mono or width")

    def value(self, name: str) -> float:
        """Return a control's value."""
        return self.controls.get(name, PARAMETERS[name].default)

    def set_latents(self, node: TransferNode | LatentMover) -> None:
        """Set the controls of single latents, and the offset of all.

        Raises:
            ProjectError: there is no such latent.
        """
        if self.offset:
            node.set_offset(np.array(self.offset))
        for latent, controls in self.latents.items():
            for name, value in controls.items():
                node.set_latent(latent, name, value)


def parse_latents(texts: tuple[str, ...]) -> dict[int, dict[str, float]]:
    """Parse ``3:bias=0.5,scale=2`` and ``4:off``.

    Raises:
        ProjectError: a text is malformed.
    """
    latents: dict[int, dict[str, float]] = {}
    for text in texts:
        match = LATENT.fullmatch(text)
        if not match:
            raise ProjectError(f"latent {text!r}: write NUMBER:CONTROL=VALUE, as in 3:bias=0.5,scale=2 or 4:off")
        for part in match[2].split(","):
            name, _, number = part.partition("=")
            try:
                name, value = SWITCHES[name] if part in SWITCHES else (name, float(number))
            except ValueError:
                raise ProjectError(f"latent {text!r}: {number!r} is not a number") from None
            latents.setdefault(int(match[1]), {})[name] = value
    return latents


def parse_axes(texts: tuple[str, ...]) -> dict[str, float]:
    """Parse ``brightness=1.5``. The last value of an axis counts.

    Raises:
        ProjectError: a text is malformed, there is no such axis, or a value is out of range.
    """
    values = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in AXES:
            raise ProjectError(
                f"axis {text[:80]!r}: write NAME=VALUE, as in brightness=1.5; names are {', '.join(AXES)}"
            )
        try:
            values[name] = AXES[name].validate(float(number))
        except ValueError:
            raise ProjectError(f"axis {text[:80]!r}: {number[:80]!r} is not a number") from None
    return values
