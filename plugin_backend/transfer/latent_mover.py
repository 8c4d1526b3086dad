"""Move latents frame by frame: towards the targets, by each latent's own controls, then smooth and hold them."""

from __future__ import annotations

from string import ascii_lowercase

import numpy as np

from plugin_backend.codecs.latent_mixing import slerp, weighted_sum
from plugin_backend.errors import ProjectError
from plugin_backend.transfer.parameters import LATENT_PARAMETERS
from plugin_backend.transfer.running_statistics import RunningStatistics
from plugin_backend.transfer.target import TargetSlot

FADE_S = 0.05
PAIR, MOST_SLOTS = 2, len(ascii_lowercase)


def slot_names(count: int) -> tuple[str, ...]:
    """Return the names ``a``, ``b`` and so on.

    Raises:
        ValueError: fewer than two, or more than there are letters.
    """
    if not PAIR <= count <= MOST_SLOTS:
        raise ValueError(f"{count} slots; {PAIR} to {MOST_SLOTS} are allowed")
    return tuple(ascii_lowercase[:count])


class LatentMover:
    """Moves the frames of one stream.

    Slots ``a`` and ``b`` are a pair. ``morph`` interpolates between the frame moved by ``a`` and the frame moved by
    ``b``. An empty ``a`` leaves the frame as it is. The results of the pair and of every further slot are added by
    :func:`~plugin_backend.codecs.latent_mixing.weighted_sum` with the weights ``weight``, ``weight.c`` and so on, as
    differences from ``rest``.

    Args:
        channels: number of channels. The statistics are measured over all of them.
        dims: dimensions of a frame.
        frames_per_s: frames per second of the codec.
        statistics: mean and deviation of the whole input, each ``[dims]``; ``None`` measures them as it runs.
        slots: number of slots.
        rest: the latents that stand for no sound, ``[dims]``; ``None`` is the origin.

    Attributes:
        controls: for each of ``LATENT_PARAMETERS``, the values of all latents, ``[dims]``; see :meth:`set_latent`.
        smooth_ms: see ``PARAMETERS``.
        offset: is added to the bias of every latent, ``[dims]``.
    """

    def __init__(
        self,
        channels: int,
        dims: int,
        frames_per_s: float,
        statistics: tuple[np.ndarray, np.ndarray] | None = None,
        slots: int = PAIR,
        rest: np.ndarray | None = None,
    ):
        self.slots = {name: TargetSlot(round(FADE_S * frames_per_s)) for name in slot_names(slots)}
        self._summed = {f"weight.{name}": self.slots[name] for name in slot_names(slots)[PAIR:]}
        self._rest = np.zeros(dims) if rest is None else rest.astype(np.float64)
        self.controls = {name: np.full(dims, float(parameter.default)) for name, parameter in LATENT_PARAMETERS.items()}
        self.smooth_ms, self.offset = 0.0, np.zeros(dims)
        self._statistics, self._running = statistics, RunningStatistics.running(dims, frames_per_s)
        self._frames_per_s, self._begun = frames_per_s, False
        self._smoothed, self._held = np.zeros((2, channels, dims))

    def move(self, z: np.ndarray, is_audible: np.ndarray, now: dict[str, float]) -> np.ndarray:
        """Move one frame ``[channels, dims]``.

        Args:
            z: the encoded frame.
            is_audible: ``[channels]``, whether each channel is not silence.
            now: values of ``strength``, ``blend``, ``morph``, ``spherical`` and the weights.
        """
        z = z.astype(np.float64)
        if self._statistics is None and any(slot.matches for slot in self.slots.values()):
            self._running.add(z[is_audible])
        z = self.apply_latent_controls(self._towards(z, now))
        if self.smooth_ms > 0 and self._begun:
            z = z + np.exp(-1000 / (self.smooth_ms * self._frames_per_s)) * (self._smoothed - z)
        self._smoothed = z
        if self._begun:
            z = np.where(self.controls["freeze"] >= 0.5, self._held, z)
        self._held, self._begun = z, True
        return z.astype(np.float32)

    def set_latent(self, latent: int, name: str, value: float) -> None:
        """Set one of ``LATENT_PARAMETERS`` of one latent.

        Args:
            latent: its number, from 0.
            name: the parameter.
            value: its value.

        Raises:
            ProjectError: the value is out of range, or there is no such latent.
        """
        dims = self.controls[name].size
        if not 0 <= latent < dims:
            raise ProjectError(f"latent {latent}: 0 to {dims - 1} can be used")
        self.controls[name][latent] = LATENT_PARAMETERS[name].validate(value)

    def set_offset(self, offset: np.ndarray) -> None:
        """Set what is added to the bias of every latent, ``[dims]``, all finite.

        Raises:
            ValueError: it has another shape, or is not finite.
        """
        if offset.shape != self.offset.shape or not np.isfinite(offset).all():
            raise ValueError(f"an offset of shape {offset.shape}; need {self.offset.shape}, all finite")
        self.offset = offset.astype(np.float64)

    def apply_latent_controls(self, z: np.ndarray) -> np.ndarray:
        """Apply each latent's own value, scale, bias and switch, and the offset, to ``[..., dims]``."""
        arrays = self.controls
        z = np.where(np.isnan(arrays["value"]), z, arrays["value"]) * arrays["scale"]
        z = z + (arrays["bias"] + self.offset)
        return np.where(arrays["on"] >= 0.5, z, 0.0)

    def _towards(self, z: np.ndarray, now: dict[str, float]) -> np.ndarray:
        arguments = self._statistics or self._running.mean_and_deviation(), now["strength"], now["blend"]
        parts, weights = [self._pair(z, arguments, now)], [now["weight"]]
        for name, slot in self._summed.items():
            if not now[name]:
                slot.settle()
            elif slot.target is not None:
                parts.append(slot.move(z, *arguments))
                weights.append(now[name])
        return parts[0] if weights == [1.0] else weighted_sum(parts, weights, self._rest)

    def _pair(self, z: np.ndarray, arguments: tuple, now: dict[str, float]) -> np.ndarray:
        a, b = (self.slots[name] for name in "ab")
        first = a.move(z, *arguments) if a.target is not None else z
        if b.target is None:
            return first
        second, morph = b.move(z, *arguments), now["morph"]
        straight = first + morph * (second - first)
        if not now["spherical"]:
            return straight
        return straight + now["spherical"] * (slerp(first, second, morph) - straight)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        arrays = {"smoothed": self._smoothed, "held": self._held, "begun": np.array(self._begun)}
        arrays |= {"smooth_ms": np.array(self.smooth_ms), "offset": self.offset.copy()}
        arrays |= {f"control.{k}": v.copy() for k, v in self.controls.items()}
        arrays |= {f"running.{name}": value for name, value in self._running.state().items()}
        if self._statistics is not None:
            arrays |= {"heard": np.stack(self._statistics)}
        return arrays | {
            f"{name}.{key}": value for name, slot in self.slots.items() for key, value in slot.state().items()
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        self._smoothed, self._held = state["smoothed"], state["held"]
        self._begun, self.smooth_ms = bool(state["begun"]), float(state["smooth_ms"])
        self.controls = {name: state[f"control.{name}"].copy() for name in LATENT_PARAMETERS}
        self.offset = state["offset"].copy()
        self._running.restore(state_subset(state, "running"))
        self._statistics = tuple(state["heard"]) if "heard" in state else None
        for name, slot in self.slots.items():
            slot.restore(state_subset(state, name))


def state_subset(state: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """Return the part of a state that is stored under ``name``."""
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
