"""The gaits: how fast and how evenly feet step and fingers tap. One row of a table is one gait.

Intervals between steps have long-range correlation: slow steps follow slow steps, over hundreds of steps. Hausdorff,
Peng, Ladin, Wei and Goldberger, "Is walking a random walk? Evidence for long-range correlations in stride interval of
human gait", J. Appl. Physiol. 78 (1995), 349-358, found exponents of detrended fluctuation analysis (DFA) around 0.76
in nine-minute walks. Hausdorff et al., "Fractal dynamics of human gait: stability of long-range correlations in stride
interval fluctuations", J. Appl. Physiol. 80 (1996), 1448-1457, found exponents up to about 1 over an hour, at slow,
usual and fast pace. Without correlation the exponent is 0.5. The stride interval of healthy adults varies by 1 to 4 %.

The typing rate is that of Dhakal, Feit, Kristensson and Oulasvirta, "Observations on typing from 136 million
keystrokes", CHI 2018: about 240 ms between keys. Stairs, sneaking and drumming fingers are set by ear.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bursts:
    """Groups of steps with pauses between them.

    Attributes:
        shortest, longest: steps in a group; each number between is equally likely.
        pause_ms: mean pause that is added after a group.
        pause_variation: its coefficient of variation, in thousandths.
        accents: level of each step of a group, in thousandths, from its first; the last holds for all that follow.
    """

    shortest: int
    longest: int
    pause_ms: int
    pause_variation: int
    accents: tuple[int, ...] = (1000,)


@dataclass(frozen=True)
class Gait:
    """A way of walking or tapping. Shares and variations are in thousandths.

    Attributes:
        cadence_spm: steps a minute; with bursts, within a burst.
        variation: coefficient of variation of the intervals.
        dfa_exponent: of the intervals, in thousandths: 500 is white noise, 1000 is 1/f noise.
        velocity: 0 to 1000, of the usual step.
        level_variation: coefficient of variation of velocity and effort.
        asymmetry: how much later and softer the left foot lands, as a share of a step.
        start_steps, stop_steps: how many steps it takes to get going, and to stop.
        parts: part of the foot → share of the steps on level ground; their sum is 1000. Hands have none.
        bursts: groups and pauses, if it has any.
    """

    cadence_spm: int
    variation: int
    dfa_exponent: int
    velocity: int
    level_variation: int
    asymmetry: int = 0
    start_steps: int = 0
    stop_steps: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    bursts: Bursts | None = None

    @property
    def on_feet(self) -> bool:
        """Whether it has left and right feet."""
        return bool(self.parts)


GAITS = {
    "walk": Gait(110, 25, 900, 750, 80, 10, 2, 2, {"whole": 960, "scuff": 40}),
    "run": Gait(165, 20, 850, 950, 60, 8, 2, 3, {"whole": 700, "toe": 280, "scuff": 20}),
    "stairs": Gait(95, 35, 800, 780, 80, 12, 1, 1, {"toe": 550, "whole": 420, "scuff": 30}),
    "sneak": Gait(50, 90, 800, 400, 120, 20, 1, 1, {"toe": 750, "whole": 200, "scuff": 50}),
    "typing": Gait(250, 350, 600, 600, 120, bursts=Bursts(3, 12, 500, 500)),
    "fingers": Gait(750, 80, 600, 700, 80, bursts=Bursts(4, 4, 250, 250, (700, 800, 900, 1000))),
}
