"""A take of the preset, or of several, at every hit of a recording, as hard as it was hit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from plugin_backend.audio_files import RecordingInfo
from plugin_backend.errors import PresetError
from plugin_backend.hit_detection.attack_position import AHEAD_S, BACKGROUND_S
from plugin_backend.hit_detection.detect_hits import Hit, Sensitivity, detect_hits_in
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.settings import Settings
from presets.take_sampling import fades_of, take_of
from render.apply.audio_blocks import cut_to_length, read_blocks
from render.apply.preset_layers import Layer
from render.engine.cue_decoding import Stopwatch, decode_cue
from render.engine.mixing import StemMixer, Voice
from render.engine.stream import OFFLINE_CHUNK_FRAMES
from render.plan.plan import Event, velocity_gain
from render.plan.resolve import take_seed
from render.project.channel_layout import LAYOUTS


class HitVoice(Voice):
    """A take at a hit: in each channel as loud as the hit was there."""

    def __init__(self, event: Event, pieces: Iterator[np.ndarray], levels: np.ndarray):
        super().__init__(event, pieces, LAYOUTS["mono"])
        self._levels = levels.astype(np.float32)[:, None]

    def read(self, samples: int) -> np.ndarray:
        """The next ``samples`` samples, ``[channels, samples]`` float32."""
        return self._levels * super().read(samples)


def play_hits(guide: RecordingInfo, layers: Sequence[Layer], settings: Settings) -> tuple[Iterator[np.ndarray], int]:
    """The recording with takes at its hits, in blocks of its length, rate and channels; and how many hits there are.

    A take of every layer begins at its hit's very sample, as a cue would. Where the codec has another rate, each take
    is resampled by itself.
    """
    hits = detect_hits_in(guide, Sensitivity(settings.sensitivity, settings.min_gap_ms))
    return _mixed(guide, layers, settings, hits), len(hits)


def _mixed(guide: RecordingInfo, layers: Sequence[Layer], settings: Settings, hits: list[Hit]) -> Iterator[np.ndarray]:
    events, struck_by, levels = [], {}, {}
    for index, (hit, own) in enumerate(zip(hits, channel_levels(guide, hits), strict=True)):
        for number, layer in enumerate(layers):
            event = _event(guide, layer, settings, f"{index}.{number}" if number else str(index), hit)
            events.append(event)
            struck_by[event.id], levels[event.id] = layer, own
    watch = Stopwatch()

    def start(event: Event) -> Voice:
        layer = struck_by[event.id]
        pieces = decode_cue(event, layer.preset, layer.codec, OFFLINE_CHUNK_FRAMES, watch, guide.sample_rate)
        return HitVoice(event, pieces, levels[event.id])

    mixer, position, mix = StemMixer(events, 1.0, start), 0, np.float32(settings.value("mix"))
    for dry in cut_to_length(read_blocks(guide), guide.length_samples):
        wet = np.zeros(dry.shape, np.float32)
        mixer.fill(position, wet)
        position += dry.shape[1]
        yield (1 - mix) * dry + mix * wet


def _event(guide: RecordingInfo, layer: Layer, settings: Settings, name: str, hit: Hit) -> Event:
    preset, header, seed = layer.preset, layer.preset.header, take_seed(settings.seed, name, 1)

    def at_rate(samples: int) -> int:
        return -(-samples * guide.sample_rate // layer.codec.spec.sample_rate)

    fade_in, fade_out = fades_of(preset, seed)
    length = at_rate(take_of(preset, seed).length_samples)
    gain_db = header.gain_db + layer.gain_db + settings.value("gain_db")
    return Event(
        id=name,
        stem="",
        start_samples=hit.onset_samples,
        length_samples=min(length, guide.length_samples - hit.onset_samples),
        preset=preset.name,
        source=None,
        codec=header.codec,
        seed=seed,
        gain=10 ** (gain_db / 20) * velocity_gain(hit.velocity) ** settings.value("follow"),
        fade_in_samples=at_rate(fade_in),
        fade_out_samples=at_rate(fade_out),
    )


def channel_levels(guide: RecordingInfo, hits: list[Hit]) -> Iterator[np.ndarray]:
    """Of each hit, every channel's peak above what it stands on, relative to the loudest channel's, ``[channels]``.

    Raises:
        AudioFileError: see :func:`~render.apply.audio_blocks.read_blocks`.
    """
    if guide.channels == 1:
        yield from (np.ones(1) for _ in hits)
        return
    back, ahead = (round(seconds * guide.sample_rate) for seconds in (BACKGROUND_S, AHEAD_S))
    blocks, held, start = read_blocks(guide), np.zeros((guide.channels, 0), np.float32), 0
    for hit in hits:
        first, end = max(0, hit.onset_samples - back), min(hit.onset_samples + ahead, guide.length_samples)
        while start + held.shape[1] < end:
            past = min(max(0, first - start), held.shape[1])
            held, start = np.concatenate([held[:, past:], next(blocks)], axis=1), start + past
        before, heard = np.split(held[:, first - start : end - start], [hit.onset_samples - first], axis=1)
        ground = before.mean(axis=1, keepdims=True) if before.shape[1] == back else np.float32(0)
        peaks = np.abs(heard - ground).max(axis=1, initial=0.0)
        yield peaks / peaks.max() if peaks.max() > 0 else np.ones(guide.channels)


def as_hit_layer(layer: Layer, mover: LatentMover | None) -> Layer:
    """The layer with a mover's controls of each latent, if there is one, acting on its preset's takes.

    Raises:
        PresetError: it is a texture, which does not strike.
    """
    preset = layer.preset
    if preset.header.kind != "hit":
        raise PresetError(f"preset '{preset.name}' is a texture, which cannot strike: choose a hit, or mode transfer")
    if mover is not None:
        preset = replace(preset, means=[mover.controlled(mean).astype(np.float32) for mean in preset.means])
    return replace(layer, preset=preset)
