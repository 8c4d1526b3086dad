"""Play a take of one or several presets at every hit of a recording, as loud as the hit."""

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
from presets.performance.draw import Draw
from presets.performance.performance import performance_of
from render.apply.audio_blocks import cut_to_length, read_blocks
from render.apply.preset_layers import Layer
from render.engine.cue_decoding import Stopwatch, decode_cue
from render.engine.mixing import StemMixer, Voice
from render.engine.stream import OFFLINE_CHUNK_FRAMES
from render.plan.choose_draws import StruckRows
from render.plan.plan import Event, velocity_gain
from render.project.channel_layout import LAYOUTS


class HitVoice(Voice):
    """A take at a hit. In each channel it is as loud as the hit was there."""

    def __init__(self, event: Event, pieces: Iterator[np.ndarray], levels: np.ndarray):
        super().__init__(event, pieces, LAYOUTS["mono"])
        self._levels = levels.astype(np.float32)[:, None]

    def read(self, samples: int) -> np.ndarray:
        """Return the next ``samples`` samples, ``[channels, samples]`` float32."""
        return self._levels * super().read(samples)


def play_hits(
    recording: RecordingInfo, layers: Sequence[Layer], settings: Settings
) -> tuple[Iterator[np.ndarray], int]:
    """Play takes at a recording's hits.

    A take of every layer begins at the hit's exact sample, as a cue would. If the codec has another rate, each take is
    resampled separately.

    Args:
        recording: the audio file.
        layers: the presets to play.
        settings: mode, controls and latents.

    Returns:
        Blocks ``[channels, n]`` of the recording's length and rate, and the number of hits.
    """
    hits = detect_hits_in(recording, Sensitivity(settings.sensitivity, settings.min_gap_ms))
    return _mix(recording, layers, settings, hits), len(hits)


def _mix(
    recording: RecordingInfo, layers: Sequence[Layer], settings: Settings, hits: list[Hit]
) -> Iterator[np.ndarray]:
    events, layer_by_event, levels, rows = [], {}, {}, StruckRows(settings.seed)
    for index, (hit, hit_levels) in enumerate(zip(hits, channel_levels(recording, hits), strict=True)):
        for number, layer in enumerate(layers):
            name = f"{index}.{number}" if number else str(index)
            draw = rows.draw(layer.preset, layer.codec.spec, name)
            event = _event(recording, layer, settings, name, hit, draw)
            events.append(event)
            layer_by_event[event.id], levels[event.id] = layer, hit_levels
    watch = Stopwatch()

    def start(event: Event) -> Voice:
        layer = layer_by_event[event.id]
        pieces = decode_cue(event, layer.preset, layer.codec, OFFLINE_CHUNK_FRAMES, watch, recording.sample_rate)
        return HitVoice(event, pieces, levels[event.id])

    mixer, position, mix = StemMixer(events, 1.0, start), 0, np.float32(settings.value("mix"))
    for dry in cut_to_length(read_blocks(recording), recording.length_samples):
        wet = np.zeros(dry.shape, np.float32)
        mixer.fill(position, wet)
        position += dry.shape[1]
        yield (1 - mix) * dry + mix * wet


def _event(recording: RecordingInfo, layer: Layer, settings: Settings, name: str, hit: Hit, draw: Draw) -> Event:
    preset, header, spec = layer.preset, layer.preset.header, layer.codec.spec
    performance = performance_of(preset, draw, spec)

    def at_rate(samples: int) -> int:
        return -(-samples * recording.sample_rate // spec.sample_rate)

    length = at_rate(performance.length_samples)
    gain_db = header.gain_db + layer.gain_db + settings.value("gain_db")
    return Event(
        id=name,
        stem="",
        start_samples=hit.onset_samples,
        length_samples=min(length, recording.length_samples - hit.onset_samples),
        preset=preset.name,
        source=None,
        codec=header.codec,
        seed=draw.seed,
        draw=draw,
        gain=10 ** (gain_db / 20) * velocity_gain(hit.velocity) ** settings.value("follow"),
        fade_in_samples=at_rate(performance.fade_in_samples),
        fade_out_samples=at_rate(performance.fade_out_samples),
    )


def channel_levels(recording: RecordingInfo, hits: list[Hit]) -> Iterator[np.ndarray]:
    """Yield for each hit every channel's peak above its background, relative to the loudest channel, ``[channels]``.

    Raises:
        AudioFileError: see :func:`~render.apply.audio_blocks.read_blocks`.
    """
    if recording.channels == 1:
        yield from (np.ones(1) for _ in hits)
        return
    back, ahead = (round(seconds * recording.sample_rate) for seconds in (BACKGROUND_S, AHEAD_S))
    blocks, buffered, start = read_blocks(recording), np.zeros((recording.channels, 0), np.float32), 0
    for hit in hits:
        first, end = max(0, hit.onset_samples - back), min(hit.onset_samples + ahead, recording.length_samples)
        while start + buffered.shape[1] < end:
            past = min(max(0, first - start), buffered.shape[1])
            buffered, start = np.concatenate([buffered[:, past:], next(blocks)], axis=1), start + past
        before, attack = np.split(buffered[:, first - start : end - start], [hit.onset_samples - first], axis=1)
        background = before.mean(axis=1, keepdims=True) if before.shape[1] == back else np.float32(0)
        peaks = np.abs(attack - background).max(axis=1, initial=0.0)
        yield peaks / peaks.max() if peaks.max() > 0 else np.ones(recording.channels)


def as_hit_layer(layer: Layer, mover: LatentMover | None) -> Layer:
    """Return the layer, with the mover's latent controls applied to its preset's takes.

    Args:
        layer: the layer.
        mover: holds the controls; None leaves the takes as they are.

    Raises:
        PresetError: it is a texture, which has no hits.
    """
    preset = layer.preset
    if preset.header.kind != "hit":
        raise PresetError(f"preset '{preset.name}' is a texture, which cannot strike: choose a hit, or mode transfer")
    if mover is not None:
        preset = replace(preset, means=[mover.apply_latent_controls(mean).astype(np.float32) for mean in preset.means])
    return replace(layer, preset=preset)
