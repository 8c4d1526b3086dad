"""Frame by frame: latents moved to the targets and summed, then by each latent's own controls, smoothed, held."""

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
    """``a``, ``b`` and so on.

    Raises:
        ValueError: fewer than the pair, or more than there are letters.
    """
    if not PAIR <= count <= MOST_SLOTS:
        raise ValueError(f"{count} slots; {PAIR} to {MOST_SLOTS} are allowed")
    return tuple(ascii_lowercase[:count])


class LatentMover:
    """Moves the frames of one stream.

    Slots ``a`` and ``b`` are a pair: ``morph`` leads from what the one makes of a frame to what the other does (an
    empty ``a`` leaves the frame as it is). What the pair and every further slot make is summed as
    :func:`~plugin_backend.codecs.latent_mixing.weighted_sum` does, by ``weight``, ``weight.c`` and so on: departures
    from ``rest``.

    Args:
        channels: that move alike; what is heard is measured over all of them.
        dims: of a frame.
        frames_per_s: of the codec.
        heard: mean and deviation of the whole input, each ``[dims]``; ``None`` measures while it runs.
        slots: how many there are.
        rest: what no sound at all is, ``[dims]``; ``None`` is the origin.

    Attributes:
        controls: of each of ``LATENT_PARAMETERS``, the latents' values ``[dims]``; see :meth:`set_latent`.
        smooth_ms: see ``PARAMETERS``.
    """

    def __init__(
        self,
        channels: int,
        dims: int,
        frames_per_s: float,
        heard: tuple[np.ndarray, np.ndarray] | None = None,
        slots: int = PAIR,
        rest: np.ndarray | None = None,
    ):
        self.slots = {name: TargetSlot(round(FADE_S * frames_per_s)) for name in slot_names(slots)}
        self._summed = {f"weight.{name}": self.slots[name] for name in slot_names(slots)[PAIR:]}
        self._rest = np.zeros(dims) if rest is None else rest.astype(np.float64)
        self.controls = {name: np.full(dims, float(parameter.default)) for name, parameter in LATENT_PARAMETERS.items()}
        self.smooth_ms = 0.0
        self._heard, self._running = heard, RunningStatistics.running(dims, frames_per_s)
        self._frames_per_s, self._begun = frames_per_s, False
        self._smoothed, self._held = np.zeros((2, channels, dims))

    def move(self, z: np.ndarray, loud: np.ndarray, now: dict[str, float]) -> np.ndarray:
        """One frame ``[channels, dims]`` of every channel.

        Args:
            z: as encoded.
            loud: ``[channels]``, which are no silence.
            now: values of ``strength``, ``blend``, ``morph``, ``spherical`` and the weights.
        """
        z = z.astype(np.float64)
        if self._heard is None and any(slot.matches for slot in self.slots.values()):
            self._running.add(z[loud])
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

        Raises:
            ProjectError: out of range, or no such latent.
        """
        dims = self.controls[name].size
        if not 0 <= latent < dims:
            raise ProjectError(f"latent {latent}: 0 to {dims - 1} are there")
        self.controls[name][latent] = LATENT_PARAMETERS[name].validate(value)

    def apply_latent_controls(self, z: np.ndarray) -> np.ndarray:
        """Latents ``[..., dims]`` by each one's own value, scale, bias and switch."""
        own = self.controls
        z = np.where(np.isnan(own["value"]), z, own["value"]) * own["scale"] + own["bias"]
        return np.where(own["on"] >= 0.5, z, 0.0)

    def _towards(self, z: np.ndarray, now: dict[str, float]) -> np.ndarray:
        how = self._heard or self._running.mean_and_deviation(), now["strength"], now["blend"]
        parts, weights = [self._pair(z, how, now)], [now["weight"]]
        for name, slot in self._summed.items():
            if not now[name]:
                slot.settle()
            elif slot.target is not None:
                parts.append(slot.moved(z, *how))
                weights.append(now[name])
        return parts[0] if weights == [1.0] else weighted_sum(parts, weights, self._rest)

    def _pair(self, z: np.ndarray, how: tuple, now: dict[str, float]) -> np.ndarray:
        a, b = (self.slots[name] for name in "ab")
        first = a.moved(z, *how) if a.target is not None else z
        if b.target is None:
            return first
        second, morph = b.moved(z, *how), now["morph"]
        straight = first + morph * (second - first)
        if not now["spherical"]:
            return straight
        return straight + now["spherical"] * (slerp(first, second, morph) - straight)

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        own = {"smoothed": self._smoothed, "held": self._held, "begun": np.array(self._begun)}
        own |= {"smooth_ms": np.array(self.smooth_ms)} | {f"control.{k}": v.copy() for k, v in self.controls.items()}
        own |= {f"running.{name}": value for name, value in self._running.state().items()}
        if self._heard is not None:
            own |= {"heard": np.stack(self._heard)}
        return own | {
            f"{name}.{key}": value for name, slot in self.slots.items() for key, value in slot.state().items()
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        self._smoothed, self._held = state["smoothed"], state["held"]
        self._begun, self.smooth_ms = bool(state["begun"]), float(state["smooth_ms"])
        self.controls = {name: state[f"control.{name}"].copy() for name in LATENT_PARAMETERS}
        self._running.restore(state_subset(state, "running"))
        self._heard = tuple(state["heard"]) if "heard" in state else None
        for name, slot in self.slots.items():
            slot.restore(state_subset(state, name))


def state_subset(state: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """What a state holds under one name."""
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
