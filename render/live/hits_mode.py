"""Mode ``hits``: plays a take of the preset at each hit of the input, as loud as the hit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.dc_offset import DcFilter
from plugin_backend.dsp.crossfade import FADE_S, SmoothedValue
from plugin_backend.dsp.delay import Delay
from plugin_backend.dsp.onset_detector import OnsetDetector
from plugin_backend.parameters import Parameter
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.parameters import PARAMETERS
from presets.axes import Axes, needed_axes
from presets.lookup import check_model
from presets.preset import Preset
from render.apply.hits_mode import as_hit_layer
from render.apply.preset_layers import Layer
from render.instrument.sample_schedule import Schedule
from render.instrument.take_pool import TakeId, TakePool
from render.instrument.voices import Voice, Voices
from render.live.rig import Rig
from render.plan.plan import velocity_gain

CELL_SAMPLES, CELLS = 64, 12
"""A hit's peak is followed for 12 × 64 samples (16 ms at 48 kHz) after the samples that the detector needed."""

USUAL_PEAK = 0.1
"""The peak of a loud hit, −20 dBFS, until twenty hits were detected."""

REMEMBERED = 20


class ReferenceLevel:
    """The level of a loud hit: the loudest of the last twenty."""

    def __init__(self) -> None:
        self._peaks = deque([USUAL_PEAK], maxlen=REMEMBERED)

    def add(self, peak: float) -> None:
        """Add the peak of a finished hit."""
        self._peaks.append(peak)

    def for_peak(self, peak: float) -> float:
        """Return the level that a hit of this peak is compared with; never less than ``peak``."""
        return max(*self._peaks, peak)


class HitEnvelope:
    """The gain of the take that one hit plays, from the peaks of the hit's channels while they grow.

    The gain is the hit's level relative to loud hits, as in :mod:`render.apply.hits_mode`: velocity squared. The curve
    has a point every 64 samples from the onset on, so block boundaries change nothing.

    Args:
        onset: the hit's first sample.
        ahead: how much later the output is, in samples.
        audio: the input ``[channels, n]`` from sample ``first`` on. It holds at least the samples from ``onset`` to
            ``decided``.
        first: the first sample of ``audio``.
        decided: the sample at which the detector decided.
        reference: the level of loud hits.
        follow: how much the gain follows the hit, 0..1.
    """

    def __init__(
        self,
        onset: int,
        ahead: int,
        audio: np.ndarray,
        first: int,
        decided: int,
        reference: ReferenceLevel,
        follow: float,
    ):
        self._onset, self._ahead, self._follow = onset, ahead, follow
        self._measured_to = decided
        self._points: list[np.ndarray] = []
        self._peaks = np.abs(audio[:, onset - first : decided - first]).max(axis=1, initial=0.0)
        self._reference = reference.for_peak(float(self._peaks.max()))

    @property
    def complete(self) -> bool:
        """Whether the hit was followed to its end."""
        return len(self._points) == CELLS

    @property
    def peak(self) -> float:
        """The peak of the loudest channel."""
        return float(self._peaks.max())

    def update(self, audio: np.ndarray, first: int, end: int) -> None:
        """Follow the hit through more input.

        Args:
            audio: ``[channels, n]``.
            first: the first sample of ``audio``.
            end: follow up to this sample.
        """
        while not self.complete:
            point = max(self._measured_to, self._onset + self._ahead + CELL_SAMPLES * len(self._points))
            if point > end:
                return
            new = np.abs(audio[:, self._measured_to - first : point - first]).max(axis=1, initial=0.0)
            self._peaks, self._measured_to = np.maximum(self._peaks, new), point
            self._points.append(self._gains())

    def _gains(self) -> np.ndarray:
        peak = self.peak
        if peak <= 0:
            return np.zeros(len(self._peaks), np.float32)
        velocity = np.sqrt(min(1.0, peak / self._reference))
        return (self._peaks / peak * velocity_gain(velocity) ** self._follow).astype(np.float32)

    def curve(self, start: int, count: int) -> np.ndarray:
        """Return gains ``[channels, count]`` from the take's sample ``start`` on, interpolated between the points."""
        at = np.arange(start, start + count)
        points = np.stack(self._points, axis=1)
        places = CELL_SAMPLES * np.arange(1, points.shape[1] + 1)
        return np.stack([np.interp(at, places, channel) for channel in points]).astype(np.float32)


CONTROLS = ("mix", "gain_db", "follow")
TAKES_AHEAD = 6
HISTORY_S = 0.01


class HitsMode:
    """The onset detector, and the takes it plays.

    Args:
        rig: settings, channels, block size and seed.
        codec: the presets' model.
        takes: where takes come from.
        on_hit: called with the first sample of each hit.
        added: layers that play at each hit too.
        axes: of the codec, or ``None``. The rig's values move every take; they cannot change while playing.

    Attributes:
        grain_samples: 1: pieces of any length can be pushed.
        latency_samples: the detector's look-ahead. The output is later by as much, so a take begins with its hit.
        parameters: the controls that :meth:`set` takes.

    Raises:
        PresetError: the rig sets axes that the codec does not have.
    """

    grain_samples = 1

    def __init__(
        self,
        rig: Rig,
        codec: Codec,
        takes: TakePool,
        on_hit: Callable[[int], None],
        added: Sequence[Layer] = (),
        axes: Axes | None = None,
    ):
        self._rig, self._codec, self._takes, self._on_hit = rig, codec, takes, on_hit
        self._rate = codec.spec.sample_rate
        self._mover = LatentMover(1, codec.spec.latent_dim, 1.0)
        rig.settings.set_latents(self._mover)
        if rig.axes:
            self._mover.set_offset(needed_axes(axes, codec.spec.name).to_latents(rig.axes))
        self.parameters: dict[str, Parameter] = {name: PARAMETERS[name] for name in CONTROLS}
        self._added = [_with_layer_gain(as_hit_layer(layer, None)) for layer in added]
        self._presets: dict[str, Preset] = {}
        self._preset: Preset | None = None
        self._hits = 0
        self._reference, self._schedule, self._voices = ReferenceLevel(), Schedule(), Voices()
        value = rig.settings.value
        self._follow = value("follow")
        self._mix = SmoothedValue(value("mix"), round(FADE_S * self._rate))
        self._gain = SmoothedValue(10 ** (value("gain_db") / 20), round(FADE_S * self._rate))
        self.restart(0)
        self.latency_samples = self._detector.lookahead_samples
        self._detector.push(np.zeros((rig.channels, rig.block_samples), np.float32))
        self.restart(0)

    def prepare(self, preset: Preset) -> None:
        """Decode a preset's next takes.

        Raises:
            PresetError: the preset is a texture, or of another model.
        """
        if preset.name not in self._presets:
            check_model(preset, self._codec)
            self._presets[preset.name] = as_hit_layer(Layer(self._codec, preset), self._mover).preset
        self._takes.decode_ahead(self._presets[preset.name], self._next_takes())

    def ready(self, preset: Preset) -> bool:
        """Return whether the preset's next take is decoded."""
        layered = self._presets.get(preset.name)
        return layered is not None and self._takes.has(layered, self._next_takes()[0])

    def select(self, preset: Preset, slot: str, at_samples: int) -> None:
        """Play a preset at the hits from now on.

        Args:
            preset: which.
            slot: ``a``; slot ``b`` has no effect in this mode.
            at_samples: not used; the next hit decides.
        """
        if preset.name not in self._presets:
            self.prepare(preset)
        if slot == "a":
            self._preset = self._presets[preset.name]

    def set(self, name: str, value: float, at_samples: int) -> None:
        """Set a control; ``follow`` changes with the next hit.

        Args:
            name: a key of ``parameters``.
            value: in the control's unit.
            at_samples: the first input sample with the new value.
        """
        if name == "follow":
            self._follow = value
        elif name == "mix":
            self._schedule.add(at_samples, lambda: self._mix.select(value))
        else:
            self._schedule.add(at_samples, lambda: self._gain.select(10 ** (value / 20)))

    def restart(self, at_samples: int) -> None:
        """Start the detector anew at sample ``at_samples``; sounding takes go on."""
        rig, settings = self._rig, self._rig.settings
        self._detector = OnsetDetector(self._rate, rig.channels, settings.sensitivity, settings.min_gap_ms)
        self._begin = at_samples
        self._envelopes: list[HitEnvelope] = []
        self._delay = Delay(rig.channels, self._detector.lookahead_samples)
        self._offset = DcFilter(rig.channels, self._rate, first_samples=1)
        self._history = np.zeros((rig.channels, round(HISTORY_S * self._rate)), np.float32)

    def push(self, block: np.ndarray, start_samples: int) -> np.ndarray:
        """Process ``[channels, n]`` from ``start_samples`` on; return as many samples, later by ``latency_samples``."""
        count = block.shape[1]
        audio = np.concatenate([self._history, self._offset.push(block).astype(np.float32)], axis=1)
        first = start_samples - self._history.shape[1]
        for onset in self._detector.push(block):
            self._follow_until(self._begin + onset.decided_samples, audio, first)
            self._strike(self._begin + onset.onset_samples, self._begin + onset.decided_samples, audio, first)
        self._follow_until(start_samples + count, audio, first)
        self._history = audio[:, count:].copy()
        wet, dry = np.zeros_like(block), self._delay.push(block)
        out_start = start_samples - self.latency_samples
        self._voices.add_to(wet, out_start)
        out = np.empty_like(block)
        for piece in self._schedule.pieces(out_start, count):
            size = piece.stop - piece.start
            mix, gain = self._mix.advance(size), self._gain.advance(size)
            out[:, piece] = (1 - mix) * dry[:, piece] + mix * gain * wet[:, piece]
        return out

    def _follow_until(self, end: int, audio: np.ndarray, first: int) -> None:
        for envelope in self._envelopes:
            envelope.update(audio, first, end)
        for envelope in self._envelopes:
            if envelope.complete:
                self._reference.add(envelope.peak)
        self._envelopes = [envelope for envelope in self._envelopes if not envelope.complete]

    def _strike(self, onset: int, decided: int, audio: np.ndarray, first: int) -> None:
        envelope = HitEnvelope(onset, self.latency_samples, audio, first, decided, self._reference, self._follow)
        self._envelopes.append(envelope)
        for layer, preset in enumerate(self._playing):
            take = self._takes.take(preset, _take(self._hits, layer))
            self._voices.start(Voice(preset.name, onset, take, 1.0, envelope.curve))
        self._hits += 1
        self._on_hit(onset)

    @property
    def _playing(self) -> list[Preset]:
        """The presets that play at each hit."""
        return [] if self._preset is None else [self._preset, *self._added]

    def _next_takes(self, layer: int = 0) -> list[TakeId]:
        return [_take(hit, layer) for hit in range(self._hits, self._hits + TAKES_AHEAD)]

    def upcoming_takes(self) -> list[tuple[Preset, list[TakeId]]]:
        """Return presets and those of their takes that will be needed next."""
        return [(preset, self._next_takes(layer)) for layer, preset in enumerate(self._playing)]


def _take(hit: int, layer: int) -> TakeId:
    """Return which take sounds at a hit, numbered as in :mod:`render.apply.hits_mode`."""
    return TakeId(f"{hit}.{layer}" if layer else str(hit))


def _with_layer_gain(layer: Layer) -> Preset:
    """Return the layer's preset with the layer's gain added to its own."""
    preset = layer.preset
    return replace(preset, header=msgspec.structs.replace(preset.header, gain_db=preset.header.gain_db + layer.gain_db))
