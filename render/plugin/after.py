"""What comes after the codec in every engine: LFO, then gain."""

from __future__ import annotations

from render.live.actions import EFFECT
from render.live.chain import Chain, stages_of
from render.live.rig import Effect

STAGES = (Effect("lfo", {"depth": 0.0}), Effect("gain"))
"""``fx.0`` and ``fx.1``."""


class After(Chain):
    """The stages in a row; see :class:`render.live.chain.Chain`."""

    def turn(self, control: str, value: float, at_samples: int) -> bool:
        """Set ``fx.0.depth`` and the like from a sample on; answers whether it is one of theirs."""
        if found := EFFECT.fullmatch(control):
            self.set(int(found[1]), found[2], value, at_samples)
        return found is not None


def after(rate_hz: int, channels: int) -> After:
    """New ones."""
    return After(stages_of(STAGES, rate_hz, channels))
