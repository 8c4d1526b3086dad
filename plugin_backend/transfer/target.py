"""Targets of a transfer, and slots in which one target replaces another with a cross-fade."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.dsp.crossfade import FadeQueue
from plugin_backend.modes.mode_table import LEVEL
from plugin_backend.transfer.running_statistics import RunningStatistics, audible_frames

MOST_FRAMES = 1024
"""If a preset has more frames, an even selection of them is used."""

NEARNESS = 0.5
"""Frames this far (squared, in deviations) beyond the nearest have 1/e of its weight."""

LEAST_DEVIATION, MOST_SCALE = 0.05, 4.0


@dataclass(frozen=True)
class Target:
    """One preset as arrays.

    Attributes:
        mean, deviation: of its audible frames, ``[dims]``.
        frames: its audible frames and one of silence, ``[n, dims]``.
        scale, bias: ``[dims]``, or empty. If both are empty, the input is matched in mean and deviation.
        modes: its modes, ``[n, 1 + 6]``: the strike of a row, from 0 on, then as in
            :mod:`plugin_backend.modes.mode_table`, with onsets from the attack on. ``[0, 7]`` if it does not ring.
        peaks: peak of the take of each strike, ``[strikes]``.
    """

    mean: np.ndarray
    deviation: np.ndarray
    frames: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    modes: np.ndarray = field(default_factory=lambda: np.zeros((0, 7)))
    peaks: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def modes_for_hit(self, number: int, peak: float, follow: float) -> np.ndarray:
        """Return the modes for a hit, ``[n, 6]``. Its takes are used in turn.

        Args:
            number: number of the hit.
            peak: peak of the hit.
            follow: 0 … 1: how far the modes take the level of the hit.
        """
        if not len(self.modes):
            return self.modes[:, 1:]
        turn = number % len(self.peaks)
        rows = self.modes[self.modes[:, 0] == turn, 1:].copy()
        rows[:, LEVEL] *= (peak / self.peaks[turn]) ** follow
        return rows

    @property
    def matches(self) -> bool:
        """Whether it needs the statistics of the input."""
        return not (self.scale.size or self.bias.size)

    def move(self, z: np.ndarray, statistics: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Move frames ``[channels, dims]`` by the preset's bias and scale, or so that they get its mean and deviation.

        The deviation changes by at most four times, or a quarter.

        Args:
            z: frames.
            statistics: mean and deviation of the input, each ``[dims]``.
        """
        if not self.matches:
            return z * (self.scale if self.scale.size else 1.0) + (self.bias if self.bias.size else 0.0)
        mean, deviation = statistics
        ratio = np.maximum(self.deviation, LEAST_DEVIATION) / np.maximum(deviation, LEAST_DEVIATION)
        return (z - mean) * np.clip(ratio, 1 / MOST_SCALE, MOST_SCALE) + self.mean

    def nearest(self, z: np.ndarray) -> np.ndarray:
        """Return a mean of the preset's frames in which those near ``z`` ``[channels, dims]`` weigh most.

        It is as smooth as ``z``.
        """
        return np.stack([self._nearest(frame) for frame in z])

    @cached_property
    def _in_deviations(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The deviations as unit, the frames in this unit, and their squared lengths."""
        unit = np.maximum(self.deviation, LEAST_DEVIATION)
        frames = self.frames / unit
        return unit, frames, np.square(frames).sum(axis=1)

    def _nearest(self, frame: np.ndarray) -> np.ndarray:
        unit, frames, squares = self._in_deviations
        distance = squares - 2 * np.einsum("fd,d->f", frames, frame / unit)  # but for the square of frame
        weight = np.exp((distance.min() - distance) / NEARNESS)
        return np.einsum("f,fd->d", weight, self.frames) / weight.sum()

    def arrays(self) -> dict[str, np.ndarray]:
        """Return its fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def make_target(
    takes: list[np.ndarray],
    codec: Codec,
    scale: list[float] | None = None,
    bias: list[float] | None = None,
    strikes: list[tuple[np.ndarray, float]] | None = None,
) -> Target:
    """Make a target of takes. They are decoded to find the audible frames.

    Args:
        takes: latents ``[frames, dims]`` each.
        codec: the codec of the latents.
        scale: one number per latent, if the preset has them.
        bias: one number per latent, if the preset has them.
        strikes: per ringing take, a table of modes with onsets from the attack on, and the peak of the take.

    Returns:
        The target.
    """
    audible = []
    for take in takes:
        is_audible = audible_frames(codec.decode(take[None].astype(np.float32))[0], codec.spec.hop_samples)
        audible.append(take[is_audible])
    frames = np.concatenate(audible if any(map(len, audible)) else takes).astype(np.float64)
    frame_statistics = RunningStatistics(frames.shape[1])
    frame_statistics.add(frames)
    selected = frames[np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).round().astype(int)]
    arrays = np.concatenate([selected, codec.silence(1)[0].astype(np.float64)])
    ringing = [np.insert(rows.astype(np.float64), 0, turn, axis=1) for turn, (rows, _) in enumerate(strikes or [])]
    return Target(
        *frame_statistics.mean_and_deviation(),
        arrays,
        np.array(scale or [], np.float64),
        np.array(bias or [], np.float64),
        np.concatenate([np.zeros((0, 7)), *ringing]),
        np.array([peak for _, peak in strikes or []], np.float64),
    )


ROLES = ("now", "before", "next")


class TargetSlot:
    """The current target, the one that fades out, and the one that waits for the end of the fade.

    The fades follow the rules of :class:`~plugin_backend.dsp.crossfade.FadeQueue`, one step per frame, and are linear.

    Args:
        frames: length of a fade.
    """

    def __init__(self, frames: int):
        self._fade: FadeQueue[Target | None] = FadeQueue(None, frames)

    @property
    def target(self) -> Target | None:
        """The current target, or ``None``."""
        return self._fade.now

    @property
    def matches(self) -> bool:
        """Whether any target here needs the statistics of the input."""
        return any(target.matches for target in self._targets().values())

    def _targets(self) -> dict[str, Target]:
        """Return the targets by role, without empty roles."""
        roles = {role: getattr(self._fade, role) for role in ROLES}
        return {role: target for role, target in roles.items() if target is not None}

    def select(self, target: Target, at_once: bool) -> None:
        """Set a new target. It fades in, unless the slot is empty or ``at_once`` is true."""
        self._fade.put(target, at_once or self.target is None)

    def move(
        self, z: np.ndarray, statistics: tuple[np.ndarray, np.ndarray], strength: float, blend: float
    ) -> np.ndarray:
        """Move the next frame ``[channels, dims]``. The slot must have a target.

        Args:
            z: the frame.
            statistics: mean and deviation of the input, each ``[dims]``.
            strength: how far the target's bias and scale move it.
            blend: how far it then moves to the nearest frames of the preset.
        """
        fade = self._fade
        fade.begin_next()
        assert fade.now is not None
        result = _move(fade.now, z, statistics, strength, blend)
        if fade.before is not None:
            share = (fade.length - fade.position) / (fade.length + 1)
            result = result + share * (_move(fade.before, z, statistics, strength, blend) - result)
            fade.step(1)
        return result

    def settle(self) -> None:
        """End a fade at once. Used while the slot is not audible."""
        if not self._fade.is_idle:
            self._fade.put(self._fade.next or self._fade.now, at_once=True)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        remaining = self._fade.length - self._fade.position if self._fade.before is not None else 0
        targets = self._targets()
        arrays = {f"{role}.{name}": value for role, it in targets.items() for name, value in it.arrays().items()}
        return {"left": np.array(remaining), **arrays}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        self._fade.position = self._fade.length - int(state["left"])
        for role in ROLES:
            arrays = {name.split(".", 1)[1]: value for name, value in state.items() if name.startswith(f"{role}.")}
            setattr(self._fade, role, Target(**arrays) if arrays else None)


def _move(
    target: Target, z: np.ndarray, statistics: tuple[np.ndarray, np.ndarray], strength: float, blend: float
) -> np.ndarray:
    moved = target.move(z, statistics)
    result = z + strength * (moved - z) if strength < 1 else moved
    return result + blend * (target.nearest(moved) - result) if blend else result
