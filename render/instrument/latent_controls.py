"""How sliders move the latents of all sounding notes alike: morph, each latent's own controls, smoothing."""

from __future__ import annotations

import numpy as np

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.parameter_smoothing import SLEW_S, ParameterSmoother
from render.instrument.actions import LATENT
from render.instrument.note import Note


class LatentControls:
    """The controls, and what they do.

    Attributes:
        morph: where between takes the hop ends, 0..1; it glides as in the transfer node.
        morphs: at each of the hop's samples, or one number while it rests.
    """

    def __init__(self, spec: CodecSpec, hop_samples: int):
        self._mover = LatentMover(1, spec.latent_dim, spec.sample_rate / spec.hop_samples)
        self._frames_per_s, self._dims = spec.sample_rate / spec.hop_samples, spec.latent_dim
        self._slew, self._begun = ParameterSmoother(round(SLEW_S * spec.sample_rate / hop_samples)), False
        self._ramp = np.arange(1, hop_samples + 1) / hop_samples
        self.morph: float = 0.0
        self.morphs: np.ndarray | float = 0.0

    def set(self, control: str, value: float) -> None:
        """Set a control, if it is one of these, from the next hop on; before the first at once."""
        if found := LATENT.fullmatch(control):
            if int(found[1]) < self._dims:
                self._mover.set_latent(int(found[1]), found[2], value)
        elif control == "smooth_ms":
            self._mover.smooth_ms = value
        elif control == "morph":
            self._slew.set("morph", value, at_once=not self._begun)

    def advance(self) -> None:
        """A hop begins."""
        self._begun = True
        before, now = (values["morph"] for values in self._slew.advance())
        self.morph = now
        self.morphs = now if before == now else before + (now - before) * self._ramp

    def moved(self, notes: list[Note], frames: int) -> np.ndarray:
        """The notes' next latents ``[rows, frames, dims]`` float32, moved."""
        takes = [note.latents(frames) for note in notes]
        z = np.concatenate([own[0] for own in takes]).astype(np.float64)
        if self.morph:
            z += self.morph * (np.concatenate([own[-1] for own in takes]) - z)
        z = self._mover.apply_latent_controls(z)
        if self._mover.smooth_ms > 0:
            keep = np.exp(-1000 / (self._mover.smooth_ms * self._frames_per_s))
            before = np.concatenate([note.smoothed for note in notes]) if not notes[0].new else z[:, 0].copy()
            for frame in range(frames):
                before = z[:, frame] = z[:, frame] + keep * (before - z[:, frame])
        row = 0
        for note in notes:
            note.smoothed = z[row : row + note.channels, -1]
            row += note.channels
        return z.astype(np.float32)
