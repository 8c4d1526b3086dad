"""A struck note: one performance, or two and the way between, decoded as it goes on."""

from __future__ import annotations

import numpy as np

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.modes.match_modes import interpolate_modes
from plugin_backend.modes.mode_table import ONSET
from presets.finish_take import TakeFinisher
from presets.preset_effects import PresetEffects, PresetEffectsBetween
from render.instrument.latent_take import LatentTake
from render.instrument.voices import FADE_SAMPLES, Voice, channel_gains


class Note(Voice):
    """A voice that is fed before each hop it is heard in.

    A hit sounds until its own end, or until the end of the hit it morphs to, if that is later; a texture is held until
    let go. What has no end of its own takes the other's.

    Args:
        name: of its preset.
        channel, key: which MIDI key holds it.
        start_samples: its first sample.
        gain: of its velocity.
        takes: what is performed, then what ``morph`` leads to, if anything.
        morph: where between them it begins, which decides whose attack is at the very sample: a frame has but one.
        spec: of the codec.

    Attributes:
        channels: how many rows it is decoded in.
        seed: what the decoder's noise follows from.
        width: how far its noises left and right differ: its takes', or between them, where it was struck.
        going: whether there will be more of it.
        new: whether nothing of it was decoded.
        let_go: its key is up, and the pedal holds it.
        morphs: of each sample of the hop it is heard in, or throughout.
        smoothed: the latents last decoded, ``[channels, dims]``; ``None`` at first.
    """

    def __init__(
        self,
        name: str,
        channel: int,
        key: int,
        start_samples: int,
        gain: float,
        takes: list[LatentTake],
        morph: float,
        spec: CodecSpec,
    ):
        hit = takes[0].hit
        super().__init__(name, start_samples, np.zeros(0, np.float32) if hit else iter(()), gain)
        self.channel, self.key, self._takes, self._hop = channel, key, takes, spec.hop_samples
        self.channels, self.seed = max(take.channels for take in takes), takes[0].seed
        self.width = takes[0].width + morph * (takes[-1].width - takes[0].width)
        skips = [take.skip_samples for take in takes]
        skip = skips[0] + round(morph * (skips[-1] - skips[0]))
        self._later = [skip - own for own in skips]  # so much later in each take's own time
        ends = [take.length_samples - by for take, by in zip(takes, self._later, strict=True) if take.hit]
        self._end = max(ends) if hit else None
        self._drop, self._decoded, self._block = skip + spec.latency_samples, 0, 0
        cut_hz = takes[min(round(morph), len(takes) - 1)].low_cut_hz
        own = cut_hz, spec.sample_rate, self.channels, self._drop, self._chain(morph, spec.sample_rate)
        self._finish = TakeFinisher(self._rung(morph), *own)
        self._waiting = np.zeros((self.channels, 0), np.float32)
        self.morphs: np.ndarray | float = morph
        self.going, self.let_go, self.smoothed = True, False, None

    @property
    def new(self) -> bool:
        return not self._decoded

    def frames_until(self, end_samples: int) -> int:
        """How many to decode so that it can be heard until then."""
        heard = end_samples - self.start_samples
        if self._end is not None:
            heard = min(heard, self._end)
        return max(0, -(-(heard + self._drop - self._decoded) // self._hop))

    def latents(self, count: int) -> list[np.ndarray]:
        """The next frames of each take, ``[channels, count, dims]``."""
        return [np.repeat(own, self.channels // len(own), axis=0) for own in (t.frames(count) for t in self._takes)]

    def feed(self, audio: np.ndarray) -> None:
        """Take what they became, ``[channels, n]``."""
        at, self._decoded = max(0, self._decoded - self._drop), self._decoded + audio.shape[1]
        end = None if self._end is None else max(0, self._end - at)
        self._waiting = np.concatenate([self._waiting, self._finish.push(audio)[:, :end]], axis=1)

    def _chain(self, morph: float, sample_rate: int) -> PresetEffects | PresetEffectsBetween | None:
        """The effects of one take, or, where two are unlike, the way between that it was struck at."""
        one, other = self._takes[0].effects, self._takes[-1].effects
        chains = tuple(PresetEffects(effects, sample_rate, self.channels, self._end) for effects in (one, other))
        if one != other:
            return PresetEffectsBetween(chains, morph)
        return chains[0] if one else None

    def _rung(self, morph: float) -> np.ndarray:
        """What rings: of one take, or of that between two, where it was struck; what is struck once does not turn."""
        rows = [take.modes.copy() for take in self._takes]
        for own, by in zip(rows, self._later, strict=True):
            own[:, ONSET] -= by
        return rows[0] if len(rows) == 1 else interpolate_modes(rows[0], rows[1], morph)

    def add_to(self, out: np.ndarray, start_samples: int) -> bool:
        """See :class:`render.instrument.voices.Voice`."""
        self._block = start_samples
        super().add_to(out, start_samples)
        ended = self._end is not None and self._at >= self._end
        self.going = not (ended or (self.fading and self._at >= self._fade_from + FADE_SAMPLES))
        return self.going

    def _placed(self, heard: np.ndarray, first: int, channels: int) -> np.ndarray:
        level = self._gain * self._levels(first, heard.shape[1])
        return (level * (channel_gains(len(heard), channels) @ heard)).astype(np.float32)

    def _levels(self, first: int, count: int) -> np.ndarray | float:
        one, other = self._takes[0], self._takes[-1]
        curve = one.curve(first + self._later[0], count)
        level = one.gain * curve
        if one is other:
            return level
        morph = self.morphs
        if isinstance(morph, np.ndarray):
            at = self.start_samples + first - self._block
            morph = morph[at : at + count]
        ends = other.curve(first + self._later[1], count) if other.hit else curve
        return level + morph * (other.gain * ends - level)
