"""Parts of a step: the heel, the toe, a scuff, or the whole step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A part of a take.

    Attributes:
        start_share, end_share: where it begins and ends, as shares of the take's frames.
        stretch: how much longer it is played.
        fade_in_s: fade at its start; 0 keeps the take's own.
        fade_out_share: fade at its end, as a share of the part; 0 keeps the take's own.
        rings: whether the take's modes sound.
    """

    start_share: float = 0.0
    end_share: float = 1.0
    stretch: float = 1.0
    fade_in_s: float = 0.0
    fade_out_share: float = 0.0
    rings: bool = True


PARTS = {
    "whole": Part(),
    "heel": Part(end_share=0.5, fade_out_share=0.6),
    "toe": Part(start_share=0.3, fade_in_s=0.004, rings=False),
    "scuff": Part(start_share=0.25, stretch=1.6, fade_in_s=0.03, rings=False),
}
