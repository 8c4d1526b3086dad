"""How a preset is applied: the controls, and what is done with files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from plugin_backend.errors import ProjectError
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.parameters import LATENT_PARAMETERS, PARAMETERS, WIDTH
from plugin_backend.transfer.transfer_node import TransferNode

TRANSFER, HITS = "transfer", "hits"
LATENT = re.compile(r"([0-9]{1,4}):(.+)")
SWITCHES = {"on": ("on", 1.0), "off": ("on", 0.0), "freeze": ("freeze", 1.0)}


@dataclass(frozen=True)
class Settings:
    """One application.

    Attributes:
        mode: ``transfer`` moves the recording's latents, ``hits`` plays a take at each of its hits.
        controls: values of :data:`~plugin_backend.transfer.parameters.PARAMETERS`; what is absent has its default.
        latents: latent → values of ``LATENT_PARAMETERS``.
        mono: encode the mean of a recording's channels.
        width: 0 … 1: how far the noises of left and right differ.
        running: measure the recording as it goes, as live playing does, instead of hearing it through first.
        sensitivity, min_gap_ms: see :class:`plugin_backend.hit_detection.Sensitivity`; who performs for a preset is
        heard
            more closely than a guide track.
        seed: of the project; each hit's own derives from it.
        bits: of the file written.

    Raises:
        ProjectError: a value is out of range, or a control has no meaning in the mode.
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

    def __post_init__(self):
        for table, given in ((PARAMETERS, self.controls), *((LATENT_PARAMETERS, own) for own in self.latents.values())):
            for name, value in given.items():
                if name not in table:
                    raise ProjectError(f"no control '{name}'; there are {', '.join(table)}")
                table[name].checked(value)
        WIDTH.checked(self.width)
        useless = [name for name in self.controls if name not in ("mix", "gain_db", "follow")]
        useless += [name for name in ("mono", "width", "running") if getattr(self, name)]
        if self.mode == HITS and useless:
            told = ", ".join(useless)
            raise ProjectError(f"hits are played, not moved: {told} cannot be used with them")
        if self.mono and self.width:
            raise ProjectError("what is encoded mono has one noise for all channels: give mono or width")

    def value(self, name: str) -> float:
        """A control's value."""
        return self.controls.get(name, PARAMETERS[name].default)

    def set_latents(self, into: TransferNode | LatentMover) -> None:
        """Set every latent's own controls.

        Raises:
            ProjectError: a latent that is not there.
        """
        for latent, own in self.latents.items():
            for name, value in own.items():
                into.set_latent(latent, name, value)


def parse_latents(texts: tuple[str, ...]) -> dict[int, dict[str, float]]:
    """Read ``3:bias=0.5,scale=2`` and ``4:off``.

    Raises:
        ProjectError: malformed.
    """
    latents: dict[int, dict[str, float]] = {}
    for text in texts:
        found = LATENT.fullmatch(text)
        if not found:
            raise ProjectError(f"latent {text!r}: write NUMBER:CONTROL=VALUE, as in 3:bias=0.5,scale=2 or 4:off")
        for part in found[2].split(","):
            name, _, number = part.partition("=")
            try:
                name, value = SWITCHES[name] if part in SWITCHES else (name, float(number))
            except ValueError:
                raise ProjectError(f"latent {text!r}: {number!r} is not a number") from None
            latents.setdefault(int(found[1]), {})[name] = value
    return latents
