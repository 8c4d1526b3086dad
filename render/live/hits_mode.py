"""Mode ``hits``: at each hit of the input a take of the preset, as hard as it was hit."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.dsp.crossfade import FADE_S, SmoothedValue
from plugin_backend.dsp.dc_offset import DcFilter
from plugin_backend.dsp.delay import Delay
from plugin_backend.dsp.onset_detector import OnsetDetector
from plugin_backend.parameters import Parameter
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.parameters import PARAMETERS
from presets.lookup import check_model
from presets.preset import Preset
from render.apply.hits_mode import as_hit_layer
from render.apply.preset_layers import Layer
from render.instrument.sample_schedule import Schedule
from render.instrument.take_pool import TakePool
from render.instrument.voices import Voice, Voices
from render.live.rig import Rig
from render.plan.plan import velocity_gain

CELL_SAMPLES, CELLS = 64, 12
"""A hit's peak is followed for 12 × 64 samples, 16 ms at 48 kHz, after what the detector heard."""

USUAL_PEAK = 0.1
"""A loud hit's peak, −20 dBFS, until twenty were heard."""

REMEMBERED = 20


class ReferenceLevel:
    """What counts as a loud hit: the loudest of the last twenty."""

    def __init__(self):
        self._peaks = deque([USUAL_PEAK], maxlen=REMEMBERED)

    def settle(self, peak: float) -> None:
        """A hit is over; its peak is known."""
        self._peaks.append(peak)

    def against(self, peak: float) -> float:
        """The level that a hit's peak is measured against."""
        return max(*self._peaks, peak)


class HitEnvelope:
    """One hit: its channels' peaks as they grow, and the gain of the take that is played at it.

    The gain is a hit's level relative to loud ones, as :mod:`render.apply.hits_mode` has it: velocity squared. Corners
    lie
    every 64 samples from the onset on, so where blocks are cut changes nothing.

    Args:
        onset: its first sample.
        ahead: how much later the output is, in samples.
        heard: the input ``[channels, n]`` from sample ``first`` on, at least from the onset to ``decided``.
    """

    def __init__(
        self, onset: int, ahead: int, heard: np.ndarray, first: int, decided: int, full: ReferenceLevel, follow: float
    ):
        self._onset, self._ahead, self._follow = onset, ahead, follow
        self._heard_to, self._corners = decided, []
        self._peaks = np.abs(heard[:, onset - first : decided - first]).max(axis=1, initial=0.0)
        self._full = full.against(float(self._peaks.max()))

    @property
    def whole(self) -> bool:
        """Whether it has been followed to its end."""
        return len(self._corners) == CELLS

    @property
    def peak(self) -> float:
        """Of the loudest channel."""
        return float(self._peaks.max())

    def hear(self, heard: np.ndarray, first: int, end: int) -> None:
        """Follow it through the input before sample ``end``."""
        while not self.whole:
            corner = max(self._heard_to, self._onset + self._ahead + CELL_SAMPLES * len(self._corners))
            if corner > end:
                return
            new = np.abs(heard[:, self._heard_to - first : corner - first]).max(axis=1, initial=0.0)
            self._peaks, self._heard_to = np.maximum(self._peaks, new), corner
            self._corners.append(self._level())

    def _level(self) -> np.ndarray:
        peak = self.peak
        if peak <= 0:
            return np.zeros(len(self._peaks), np.float32)
        velocity = np.sqrt(min(1.0, peak / self._full))
        return (self._peaks / peak * velocity_gain(velocity) ** self._follow).astype(np.float32)

    def levels(self, start: int, count: int) -> np.ndarray:
        """Gains ``[channels, count]`` from the take's sample ``start`` on; each leads on to what was last heard."""
        at = np.arange(start, start + count)
        corners = np.stack(self._corners, axis=1)
        places = CELL_SAMPLES * np.arange(1, corners.shape[1] + 1)
        return np.stack([np.interp(at, places, channel) for channel in corners]).astype(np.float32)


CONTROLS = ("mix", "gain_db", "follow")
TAKES_AHEAD = 6
HISTORY_S = 0.01


class HitsMode:
    """The detector, and the takes it plays.

    Attributes:
        grain_samples: pieces of any length can be pushed.
        latency_samples: how far ahead the detector hears: a take begins with its hit.
    """

    grain_samples = 1

    def __init__(self, rig: Rig, codec: Codec, takes: TakePool, on_hit, added: Sequence[Layer] = ()):
        self._rig, self._codec, self._takes, self._on_hit = rig, codec, takes, on_hit
        self._rate = codec.spec.sample_rate
        self._mover = LatentMover(1, codec.spec.latent_dim, 1.0)
        rig.settings.set_latents(self._mover)
        self.parameters: dict[str, Parameter] = {name: PARAMETERS[name] for name in CONTROLS}
        self._added = [_levelled(as_hit_layer(layer, None)) for layer in added]
        self._presets: dict[str, Preset] = {}
        self._preset: Preset | None = None
        self._hits = 0
        self._full, self._schedule, self._voices = ReferenceLevel(), Schedule(), Voices()
        value = rig.settings.value
        self._follow = value("follow")
        self._mix = SmoothedValue(value("mix"), round(FADE_S * self._rate))
        self._gain = SmoothedValue(10 ** (value("gain_db") / 20), round(FADE_S * self._rate))
        self.restart(0)
        self.latency_samples = self._detector.lookahead_samples
        self._detector.push(np.zeros((rig.channels, rig.block_samples), np.float32))
        self.restart(0)

    def prepare(self, preset: Preset) -> None:
        """Decode its next takes.

        Raises:
            PresetError: it is a texture, or of another model.
        """
        if preset.name not in self._presets:
            check_model(preset, self._codec)
            self._presets[preset.name] = as_hit_layer(Layer(self._codec, preset), self._mover).preset
        self._takes.keep(self._presets[preset.name], self._numbers())

    def ready(self, preset: Preset) -> bool:
        """Whether its next take is decoded."""
        own = self._presets.get(preset.name)
        return own is not None and self._takes.has(own, str(self._hits))

    def select(self, preset: Preset, slot: str, at_samples: int) -> None:
        """Play it at the hits from here on."""
        if preset.name not in self._presets:
            self.prepare(preset)
        if slot == "a":
            self._preset = self._presets[preset.name]

    def set(self, name: str, value: float, at_samples: int) -> None:
        """Set one of ``parameters``; ``follow`` for the hits to come."""
        if name == "follow":
            self._follow = value
        elif name == "mix":
            self._schedule.add(at_samples, lambda: self._mix.select(value))
        else:
            self._schedule.add(at_samples, lambda: self._gain.select(10 ** (value / 20)))

    def restart(self, at_samples: int) -> None:
        """Hear the input anew from ``at_samples`` on; what sounds goes on."""
        rig, settings = self._rig, self._rig.settings
        self._detector = OnsetDetector(self._rate, rig.channels, settings.sensitivity, settings.min_gap_ms)
        self._begin, self._rises = at_samples, []
        self._delay = Delay(rig.channels, self._detector.lookahead_samples)
        self._offset = DcFilter(rig.channels, self._rate, first_samples=1)
        self._history = np.zeros((rig.channels, round(HISTORY_S * self._rate)), np.float32)

    def push(self, block: np.ndarray, start_samples: int) -> np.ndarray:
        """Take ``[channels, n]``; answer as many, late by ``latency_samples``."""
        count = block.shape[1]
        heard = np.concatenate([self._history, self._offset.push(block).astype(np.float32)], axis=1)
        first = start_samples - self._history.shape[1]
        for onset in self._detector.push(block):
            self._follow_until(self._begin + onset.decided_samples, heard, first)
            self._strike(self._begin + onset.onset_samples, self._begin + onset.decided_samples, heard, first)
        self._follow_until(start_samples + count, heard, first)
        self._history = heard[:, count:].copy()
        wet, dry = np.zeros_like(block), self._delay.push(block)
        out_start = start_samples - self.latency_samples
        self._voices.add_to(wet, out_start)
        out = np.empty_like(block)
        for here in self._schedule.pieces(out_start, count):
            size = here.stop - here.start
            mix, gain = self._mix.take(size), self._gain.take(size)
            out[:, here] = (1 - mix) * dry[:, here] + mix * gain * wet[:, here]
        return out

    def _follow_until(self, end: int, heard: np.ndarray, first: int) -> None:
        for rise in self._rises:
            rise.hear(heard, first, end)
        for rise in self._rises:
            if rise.whole:
                self._full.settle(rise.peak)
        self._rises = [rise for rise in self._rises if not rise.whole]

    def _strike(self, onset: int, decided: int, heard: np.ndarray, first: int) -> None:
        rise = HitEnvelope(onset, self.latency_samples, heard, first, decided, self._full, self._follow)
        self._rises.append(rise)
        for layer, preset in enumerate(self._played):
            sound = self._takes.take(preset, _number(self._hits, layer))
            self._voices.start(Voice(preset.name, onset, sound, 1.0, rise.levels))
        self._hits += 1
        self._on_hit(onset)

    @property
    def _played(self) -> list[Preset]:
        """At each hit."""
        return [] if self._preset is None else [self._preset, *self._added]

    def _numbers(self, layer: int = 0) -> list[str]:
        return [_number(hit, layer) for hit in range(self._hits, self._hits + TAKES_AHEAD)]

    def wanted(self) -> list[tuple[Preset, list[str]]]:
        """Takes to decode before they are needed."""
        return [(preset, self._numbers(layer)) for layer, preset in enumerate(self._played)]


def _number(hit: int, layer: int) -> str:
    """Of a take, as :mod:`render.apply.hits_mode` numbers them."""
    return f"{hit}.{layer}" if layer else str(hit)


def _levelled(layer: Layer) -> Preset:
    """The layer's preset at the layer's level."""
    preset = layer.preset
    return replace(preset, header=msgspec.structs.replace(preset.header, gain_db=preset.header.gain_db + layer.gain_db))
