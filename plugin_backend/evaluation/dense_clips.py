"""Held-out sounds joined into clips without long silence, for ViSQOL saturates on single steps.

One clip per package and key (footsteps: each material; the rest: the group), always the same for
the same sounds: the sounds of a clip, brought to one peak, follow one another, shuffled anew each
round, until it is full.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from plugin_backend.corpus.sound import Sound

CLIP_S, LONGEST_PIECE_S, FADE_S, PEAK = 8.0, 4.0, 0.005, 0.5
GAP_S = 0.1
"""The longest silence put between two sounds."""

PERIOD_S = {"footsteps": 0.5, "door": 0.5, "water": 0.0, "other": 0.5}
"""From one beginning to the next (two steps a second); later if the sound is longer, sooner if the
silence between would be longer than ``GAP_S``."""

QUIET = 10 ** (-50 / 20)
"""What ends a sound: the level, relative to its peak, below which its head and tail are cut."""


@dataclass(frozen=True)
class DenseClip:
    """A clip of ``CLIP_S`` seconds, peak 0.5; ``name`` tells package and label."""

    group: str
    name: str
    audio: np.ndarray


def group_of(label: str) -> str:
    """The group a corpus label belongs to: the key of ``PERIOD_S``."""
    head = label.split("/")[0]
    return head if head in PERIOD_S else "other"


def dense_clips(sounds: list[Sound], sample_rate: int) -> list[DenseClip]:
    """All clips the sounds give, ordered by group and name; silent sounds are left out."""
    members = defaultdict(list)
    for sound in sorted(sounds, key=lambda sound: sound.file):
        piece = trimmed(sound.audio)[: round(LONGEST_PIECE_S * sample_rate)]
        group = group_of(sound.label)
        key = sound.label if group == "footsteps" else group
        if piece.size:
            members[group, f"{sound.source} {key}"].append(piece * np.float32(PEAK / np.abs(piece).max()))
    return [
        DenseClip(group, name, joined(pieces, sample_rate, PERIOD_S[group]))
        for (group, name), pieces in sorted(members.items())
    ]


def trimmed(audio: np.ndarray) -> np.ndarray:
    """The sound without its quiet head and tail; empty if it is silent."""
    heard = np.flatnonzero(np.abs(audio) > QUIET * np.abs(audio).max(initial=0.0))
    return audio[heard[0] : heard[-1] + 1] if heard.size else audio[:0]


def joined(pieces: list[np.ndarray], sample_rate: int, period_s: float) -> np.ndarray:
    """``pieces`` one after another, each round in another order, as ``CLIP_S`` seconds of sound."""
    rng = np.random.default_rng(0)
    clip = np.zeros(round(CLIP_S * sample_rate), np.float32)
    period, gap, fade = (round(seconds * sample_rate) for seconds in (period_s, GAP_S, FADE_S))
    begin = 0
    while begin < clip.size:
        for index in rng.permutation(len(pieces)):
            piece = pieces[index].copy()
            tail = min(fade, piece.size)
            piece[piece.size - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)
            room = clip[begin : begin + piece.size]
            room[:] = piece[: room.size]
            begin += max(piece.size, min(period, piece.size + gap))
    return clip
