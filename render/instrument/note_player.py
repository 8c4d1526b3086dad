"""Plays presets as notes whose latents can be shaped while they sound.

The output depends only on the actions and their samples, bit for bit. So what was heard can be rendered again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.models.batched_decoder import BatchedDecoder
from plugin_backend.modes.mode_table import apply_controls
from plugin_backend.modes.parameters import CONTROLS
from plugin_backend.parameters import Parameter, table
from plugin_backend.transfer.parameters import LATENT_PARAMETERS, PARAMETERS, RING
from presets.axes import Axes
from presets.lookup import check_model
from presets.performance.performance import performance_of
from presets.preset import Preset
from render.instrument.latent_controls import LatentControls
from render.instrument.latent_take import aligned_takes
from render.instrument.note import MidiKey, Note
from render.instrument.polyphony import Keyboard
from render.instrument.take_pool import nearest_effort
from render.plan.choose_draws import StruckRows
from render.plan.plan import velocity_gain

HOP_SAMPLES = 512
"""Controls act from the next hop of this length on; strikes lie at their exact sample."""

SHAPED = ("smooth_ms", "morph")


def note_controls(latent_dim: int, axes: Axes | None) -> dict[str, Parameter]:
    """Return the controls of notes: morph, smoothing, modes, the axes, and those of each latent.

    Args:
        latent_dim: latents of a frame.
        axes: of the model, or ``None``.
    """
    latents = (
        replace(row, name=f"latent.{latent}.{row.name}")
        for latent in range(latent_dim)
        for row in LATENT_PARAMETERS.values()
    )
    of_axes = axes.controls.values() if axes is not None else ()
    return table(*(PARAMETERS[name] for name in SHAPED), *RING.values(), *of_axes, *latents)


class NotePlayer:
    """Notes of one model, decoded together, hop by hop.

    Args:
        codec: model of the presets.
        channels: of the output.
        seed: with the number of a strike, decides its take.
        axes: of the model, or ``None``.

    Attributes:
        controls: every control and its range.
    """

    def __init__(self, codec: Codec, channels: int, seed: int, axes: Axes | None = None):
        self._codec, self._channels = codec, channels
        self.controls = note_controls(codec.spec.latent_dim, axes)
        self._silence, self._rows = codec.silence(1), StruckRows(seed)
        self._latents = LatentControls(codec.spec, HOP_SAMPLES, axes)
        self._ring = {name: 0.0 if name == "strike" else row.default for name, row in CONTROLS.items()}
        self._decoder, self._keyboard = BatchedDecoder(codec), Keyboard()
        self._strikes: defaultdict[str, int] = defaultdict(int)

    @property
    def sounding(self) -> int:
        """How many notes sound."""
        return len(self._keyboard.notes)

    def prepare(self, preset: Preset) -> None:
        """Do the slow work of a preset's next strike in advance. Any thread may call it.

        Raises:
            PresetError: the preset is of another model.
        """
        check_model(preset, self._codec)
        performance_of(preset, StruckRows(0).draw(preset, self._codec.spec, "strike 0"), self._codec.spec)

    def set(self, control: str, value: float) -> None:
        """Set a control from the next hop on.

        Args:
            control: a key of ``controls``.
            value: in the control's unit.
        """
        if control in RING:
            self._ring[control.removeprefix("ring_")] = value
        else:
            self._latents.set(control, value)

    def strike(self, at_samples: int, key: int, velocity: float, presets: list[Preset]) -> int:
        """Start a note in the hop that is pushed next.

        Args:
            at_samples: its first sample.
            key: what releases it.
            velocity: 0..1; decides level and effort.
            presets: one, or two that ``morph`` leads between.

        Returns:
            The number of the strike of the first preset, from 0.
        """
        spec, first = self._codec.spec, presets[0]
        number = self._strikes[first.name]
        self._strikes[first.name] += 1
        draws = [self._rows.draw(each, spec, f"strike {number}", nearest_effort(velocity)) for each in presets]
        morph = self._latents.morph if len(presets) > 1 else 0.0
        takes = aligned_takes(presets, draws, round(morph), self._silence, spec)
        for take in takes:
            take.modes = apply_controls(take.modes, self._ring, take.seed)
        note = Note(first.name, MidiKey(0, key), at_samples, velocity_gain(velocity), takes, morph, spec)
        self._keyboard.start(note)
        return number

    def release(self, key: int | None, at_samples: int) -> None:
        """Fade the held notes of a key out from a sample on; with ``None``, all notes."""
        if key is not None:
            self._keyboard.release(0, key, at_samples)
            return
        for note in self._keyboard.notes:
            note.fade(at_samples)

    def push(self, start_samples: int) -> np.ndarray:
        """Return the next hop, ``[channels, HOP_SAMPLES]``.

        Args:
            start_samples: its first sample.
        """
        self._latents.advance()
        self._keyboard.decode_until(start_samples + HOP_SAMPLES, self._decoder, self._latents)
        out = np.zeros((self._channels, HOP_SAMPLES), np.float32)
        self._keyboard.add_to(out, start_samples)
        return out
