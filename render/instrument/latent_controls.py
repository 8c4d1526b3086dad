"""Controls that change the latents of all sounding notes: morph, the controls of each latent, axes, smoothing."""

from __future__ import annotations

import numpy as np

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.parameter_smoothing import SLEW_S, ParameterSmoother
from presets.axes import Axes, AxisControls
from render.instrument.actions import LATENT
from render.instrument.note import Note


class LatentControls:
    """The latent controls of an instrument, shared by its notes.

    Args:
        spec: of the codec.
        hop_samples: samples of a hop.
        axes: of the codec, or ``None``.

    Attributes:
        morph: position between the two takes at the end of the hop, 0..1; it glides as in the transfer node.
        morphs: the position at each sample of the hop, or one number while it does not change.
    """

    def __init__(self, spec: CodecSpec, hop_samples: int, axes: Axes | None = None):
        self._axes = AxisControls(axes)
        self._mover = LatentMover(1, spec.latent_dim, spec.sample_rate / spec.hop_samples)
        self._frames_per_s, self._dims = spec.sample_rate / spec.hop_samples, spec.latent_dim
        self._slew, self._begun = ParameterSmoother(round(SLEW_S * spec.sample_rate / hop_samples)), False
        self._ramp = np.arange(1, hop_samples + 1) / hop_samples
        self.morph: float = 0.0
        self.morphs: np.ndarray | float = 0.0

    def set(self, control: str, value: float) -> None:
        """Set a control from the next hop on. Before the first hop it is set at once; unknown names do nothing."""
        if match := LATENT.fullmatch(control):
            if int(match[1]) < self._dims:
                self._mover.set_latent(int(match[1]), match[2], value)
        elif (offset := self._axes.set(control, value)) is not None:
            self._mover.set_offset(offset)
        elif control == "smooth_ms":
            self._mover.smooth_ms = value
        elif control == "morph":
            self._slew.set("morph", value, at_once=not self._begun)

    def advance(self) -> None:
        """Begin the next hop."""
        self._begun = True
        before, now = (values["morph"] for values in self._slew.advance())
        self.morph = now
        self.morphs = now if before == now else before + (now - before) * self._ramp

    def process(self, notes: list[Note], frames: int) -> np.ndarray:
        """Return the next latents of some notes with the controls applied.

        Args:
            notes: all new, or none.
            frames: how many frames each note gives.

        Returns:
            ``[rows, frames, dims]`` float32; each note has as many rows as channels.
        """
        latents = [note.latents(frames) for note in notes]
        z = np.concatenate([takes[0] for takes in latents]).astype(np.float64)
        if self.morph:
            z += self.morph * (np.concatenate([takes[-1] for takes in latents]) - z)
        z = self._mover.apply_latent_controls(z)
        if self._mover.smooth_ms > 0:
            keep = np.exp(-1000 / (self._mover.smooth_ms * self._frames_per_s))
            previous = [note.smoothed for note in notes if note.smoothed is not None]
            before = z[:, 0].copy() if notes[0].new else np.concatenate(previous)
            for frame in range(frames):
                before = z[:, frame] = z[:, frame] + keep * (before - z[:, frame])
        frozen = self._mover.controls["freeze"] >= 0.5
        if frozen.any():
            held = z[:, 0].copy() if notes[0].new else np.concatenate([note.smoothed for note in notes])
            z[:, :, frozen] = held[:, None, frozen]
        row = 0
        for note in notes:
            note.smoothed = z[row : row + note.channels, -1]
            row += note.channels
        return z.astype(np.float32)
