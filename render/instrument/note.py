"""A struck note: one take, or a morph of two, decoded while it sounds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.modes.match_modes import interpolate_modes
from plugin_backend.modes.mode_table import ONSET
from presets.finish_take import TakeFinisher
from presets.preset_effects import PresetEffects, PresetEffectsBetween
from render.instrument.latent_take import LatentTake
from render.instrument.voices import Voice, channel_gains


class MidiKey(NamedTuple):
    """A MIDI channel and a key, both from 0."""

    channel: int
    key: int


class _NoPieces:
    """The sound of a held note before it is fed: it has no pieces of its own."""

    def __next__(self) -> np.ndarray:
        raise StopIteration

    def skip(self, samples: int) -> None:
        """Do nothing."""


class Note(Voice):
    """A voice that is fed with decoded audio before each hop.

    A hit ends by itself; if it morphs to another hit, it ends with the later of the two. A texture is held until it is
    released. When only one of the two takes ends by itself, the first take decides.

    Args:
        name: of its preset.
        midi: the MIDI channel and key that hold it.
        start_samples: its first sample.
        gain: the gain of its velocity.
        takes: one take; or two, and ``morph`` leads from the first to the second.
        morph: where the note begins between the takes, 0..1. It decides whose attack lies exactly on the start sample,
            because a frame has only one attack.
        spec: of the codec.

    Attributes:
        channels: how many rows it is decoded in.
        seed: the seed of the decoder's noise.
        width: how much the left and right noise differ: the take's width, or between both takes' at the strike.
        going: whether more of it will sound.
        new: whether none of it has been decoded.
        let_go: its key is up, and the pedal holds it.
        morphs: the morph at each sample of the current hop, or one number for all of it.
        smoothed: the latents last decoded, ``[channels, dims]``; ``None`` at first.
    """

    def __init__(
        self,
        name: str,
        midi: MidiKey,
        start_samples: int,
        gain: float,
        takes: list[LatentTake],
        morph: float,
        spec: CodecSpec,
    ):
        hit = takes[0].hit
        super().__init__(name, start_samples, np.zeros(0, np.float32) if hit else _NoPieces(), gain)
        self.channel, self.key = midi
        self._takes, self._hop = takes, spec.hop_samples
        self.channels, self.seed = max(take.channels for take in takes), takes[0].seed
        self.width = takes[0].width + morph * (takes[-1].width - takes[0].width)
        skips = [take.skip_samples for take in takes]
        skip = skips[0] + round(morph * (skips[-1] - skips[0]))
        self._offsets = [skip - take_skip for take_skip in skips]  # from the note's time to each take's own time
        ends = [take.length_samples - by for take, by in zip(takes, self._offsets, strict=True) if take.hit]
        self._end = max(ends) if hit else None
        self._drop, self._decoded, self._block = skip + spec.latency_samples, 0, 0
        cut_hz = takes[min(round(morph), len(takes) - 1)].low_cut_hz
        chain = self._chain(morph, spec.sample_rate)
        self._finish = TakeFinisher(self._modes(morph), cut_hz, spec.sample_rate, self.channels, self._drop, chain)
        self._waiting = np.zeros((self.channels, 0), np.float32)
        self.morphs: np.ndarray | float = morph
        self.going, self.let_go = True, False
        self.smoothed: np.ndarray | None = None

    @property
    def new(self) -> bool:
        return not self._decoded

    def frames_until(self, end_samples: int) -> int:
        """Return how many frames to decode so that the note can sound until ``end_samples``."""
        audible = end_samples - self.start_samples
        if self._end is not None:
            audible = min(audible, self._end)
        return max(0, -(-(audible + self._drop - self._decoded) // self._hop))

    def latents(self, count: int) -> list[np.ndarray]:
        """Return the next frames of each take, ``[channels, count, dims]``."""
        takes = [take.frames(count) for take in self._takes]
        return [np.repeat(frames, self.channels // len(frames), axis=0) for frames in takes]

    def feed(self, audio: np.ndarray) -> None:
        """Append the decoded audio of those frames, ``[channels, n]``."""
        at, self._decoded = max(0, self._decoded - self._drop), self._decoded + audio.shape[1]
        end = None if self._end is None else max(0, self._end - at)
        self._waiting = np.concatenate([self._waiting, self._finish.push(audio)[:, :end]], axis=1)

    def _chain(self, morph: float, sample_rate: int) -> PresetEffects | PresetEffectsBetween | None:
        """Return the take's effects; for two takes with different effects, a mix of both at the morph of the strike."""
        first_effects, second_effects = self._takes[0].effects, self._takes[-1].effects
        first, second = (
            PresetEffects(effects, sample_rate, self.channels, self._end) for effects in (first_effects, second_effects)
        )
        if first_effects != second_effects:
            return PresetEffectsBetween((first, second), morph)
        return first if first_effects else None

    def _modes(self, morph: float) -> np.ndarray:
        """Return the resonant modes of the take, or between two takes. They stay as they were at the strike."""
        rows = [take.modes.copy() for take in self._takes]
        for modes, offset in zip(rows, self._offsets, strict=True):
            modes[:, ONSET] -= offset
        return rows[0] if len(rows) == 1 else interpolate_modes(rows[0], rows[1], morph)

    def add_to(self, out: np.ndarray, start_samples: int) -> bool:
        """See :class:`render.instrument.voices.Voice`."""
        self._block = start_samples
        super().add_to(out, start_samples)
        ended = self._end is not None and self._at >= self._end
        self.going = not (ended or self.finished)
        return self.going

    def _in_channels(self, audio: np.ndarray, first: int, channels: int) -> np.ndarray:
        level = self._gain * self._levels(first, audio.shape[1])
        return (level * (channel_gains(len(audio), channels) @ audio)).astype(np.float32)

    def _levels(self, first: int, count: int) -> np.ndarray | float:
        first_take, second_take = self._takes[0], self._takes[-1]
        curve = first_take.curve(first + self._offsets[0], count)
        level = first_take.gain * curve
        if first_take is second_take:
            return level
        morph = self.morphs
        if isinstance(morph, np.ndarray):
            at = self.start_samples + first - self._block
            morph = morph[at : at + count]
        ends = second_take.curve(first + self._offsets[1], count) if second_take.hit else curve
        return level + morph * (second_take.gain * ends - level)
