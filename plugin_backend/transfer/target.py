"""A place for a target: when another takes it, the two cross-fade."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.modes.mode_table import LEVEL
from plugin_backend.transfer.running_statistics import RunningStatistics, audible_frames

MOST_FRAMES = 1024
"""More own frames than this are thinned evenly."""

NEARNESS = 0.5
"""Own frames this far (squared, in deviations) beyond the nearest weigh 1/e of it."""

LEAST_DEVIATION, MOST_SCALE = 0.05, 4.0


@dataclass(frozen=True)
class Target:
    """One preset as arrays.

    Attributes:
        mean, deviation: of its sounding frames, ``[dims]``.
        frames: its own sounding frames and one of silence, ``[n, dims]``.
        scale, bias: ``[dims]`` where it has them; else empty, and what is moved is matched in mean and deviation.
        modes: what rings, ``[n, 1 + 6]``: which strike a row belongs to, from 0 on, then as in
            :mod:`plugin_backend.modes.mode_table`, onsets from the attack on; ``[0, 7]`` of what does not ring.
        peaks: of each of those strikes' takes, ``[strikes]``.
    """

    mean: np.ndarray
    deviation: np.ndarray
    frames: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    modes: np.ndarray = field(default_factory=lambda: np.zeros((0, 7)))
    peaks: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def struck(self, number: int, peak: float, follow: float) -> np.ndarray:
        """What rings at the hit of a number, ``[n, 6]``: its takes in turn, by ``follow`` as loud as the hit's peak."""
        if not len(self.modes):
            return self.modes[:, 1:]
        turn = number % len(self.peaks)
        rows = self.modes[self.modes[:, 0] == turn, 1:].copy()
        rows[:, LEVEL] *= (peak / self.peaks[turn]) ** follow
        return rows

    @property
    def matches(self) -> bool:
        """Whether it needs to know the statistics of what it moves."""
        return not (self.scale.size or self.bias.size)

    def moved(self, z: np.ndarray, heard: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Frames ``[channels, dims]`` by bias and scale: the preset's, or those that give mean and deviation of
        what is ``heard`` the preset's; by at most four times, or a quarter."""
        if not self.matches:
            return z * (self.scale if self.scale.size else 1.0) + (self.bias if self.bias.size else 0.0)
        mean, deviation = heard
        ratio = np.maximum(self.deviation, LEAST_DEVIATION) / np.maximum(deviation, LEAST_DEVIATION)
        return (z - mean) * np.clip(ratio, 1 / MOST_SCALE, MOST_SCALE) + self.mean

    def nearest(self, z: np.ndarray) -> np.ndarray:
        """A mean of own frames, those near ``z`` ``[channels, dims]`` weighing most: as smooth as ``z``."""
        return np.stack([self._nearest(frame) for frame in z])

    @cached_property
    def _scaled(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The deviations to measure in, the own frames in them, and their squared lengths."""
        spread = np.maximum(self.deviation, LEAST_DEVIATION)
        frames = self.frames / spread
        return spread, frames, np.square(frames).sum(axis=1)

    def _nearest(self, frame: np.ndarray) -> np.ndarray:
        spread, frames, squares = self._scaled
        distance = squares - 2 * np.einsum("fd,d->f", frames, frame / spread)  # but for the square of frame
        weight = np.exp((distance.min() - distance) / NEARNESS)
        return np.einsum("f,fd->d", weight, self.frames) / weight.sum()

    def arrays(self) -> dict[str, np.ndarray]:
        """Its fields."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def make_target(
    takes: list[np.ndarray],
    codec: Codec,
    scale: list[float] | None = None,
    bias: list[float] | None = None,
    strikes: list[tuple[np.ndarray, float]] | None = None,
) -> Target:
    """The target that ``takes``, latents ``[frames, dims]`` each, make; they are decoded to hear which frames sound.

    ``strikes`` are what rings, a table of modes with onsets from the attack on, and the peak that goes with it.
    """
    heard = []
    for take in takes:
        loud = audible_frames(codec.decode(take[None].astype(np.float32))[0], codec.spec.hop_samples)
        heard.append(take[loud])
    frames = np.concatenate(heard if any(map(len, heard)) else takes).astype(np.float64)
    moments = RunningStatistics(frames.shape[1])
    moments.add(frames)
    kept = frames[np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).round().astype(int)]
    own = np.concatenate([kept, codec.silence(1)[0].astype(np.float64)])
    rung = [np.insert(rows.astype(np.float64), 0, turn, axis=1) for turn, (rows, _) in enumerate(strikes or [])]
    return Target(
        *moments.measured(),
        own,
        np.array(scale or [], np.float64),
        np.array(bias or [], np.float64),
        np.concatenate([np.zeros((0, 7)), *rung]),
        np.array([peak for _, peak in strikes or []], np.float64),
    )


ROLES = ("now", "before", "next")


class TargetSlot:
    """The target in force, the one that fades out, and the one that waits for the fade's end.

    A switch that comes while another fades waits, and only the latest waits: however fast a performer switches, there
    are two targets at most to compute, and every fade is whole.

    Args:
        frames: a fade's length.
    """

    def __init__(self, frames: int):
        self._frames, self._left = max(1, frames), 0
        self._targets: dict[str, Target | None] = dict.fromkeys(ROLES)

    @property
    def target(self) -> Target | None:
        """The one in force, or ``None``."""
        return self._targets["now"]

    @property
    def matches(self) -> bool:
        """Whether any target here needs to know what was heard."""
        return any(target is not None and target.matches for target in self._targets.values())

    def select(self, target: Target, at_once: bool) -> None:
        """Put a target here, faded in unless the place was empty or it is wanted at once."""
        if at_once or self.target is None:
            self._targets, self._left = dict.fromkeys(ROLES) | {"now": target}, 0
        else:
            self._targets["next"] = target

    def moved(self, z: np.ndarray, heard: tuple, strength: float, blend: float) -> np.ndarray:
        """The next frame ``[channels, dims]`` of every channel, moved."""
        targets = self._targets
        if targets["next"] is not None and not self._left:
            targets.update(before=targets["now"], now=targets["next"], next=None)
            self._left = self._frames
        result = _moved(targets["now"], z, heard, strength, blend)
        if self._left:
            share = self._left / (self._frames + 1)
            result = result + share * (_moved(targets["before"], z, heard, strength, blend) - result)
            self._left -= 1
            if not self._left:
                targets["before"] = None
        return result

    def settle(self) -> None:
        """Be at once where it was going: while nobody hears it, there is nothing to fade."""
        if self._left or self._targets["next"] is not None:
            self.select(self._targets["next"] or self.target, at_once=True)

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        there = {role: target for role, target in self._targets.items() if target is not None}
        arrays = {f"{role}.{name}": value for role, own in there.items() for name, value in own.arrays().items()}
        return {"left": np.array(self._left), **arrays}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self._left = int(state["left"])
        for role in ROLES:
            own = {name.split(".", 1)[1]: value for name, value in state.items() if name.startswith(f"{role}.")}
            self._targets[role] = Target(**own) if own else None


def _moved(target: Target, z: np.ndarray, heard: tuple, strength: float, blend: float) -> np.ndarray:
    wanted = target.moved(z, heard)
    result = z + strength * (wanted - z) if strength < 1 else wanted
    return result + blend * (target.nearest(wanted) - result) if blend else result
