"""Capture a preset from recordings: cut them into takes, separate the modes, and encode the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from plugin_backend.audio_files import read_mono
from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.dc_offset import dc_offset
from plugin_backend.errors import PresetError
from plugin_backend.hit_detection.detect_hits import Sensitivity
from plugin_backend.modes.fit_grains import fit_grains
from plugin_backend.modes.fit_modes import fit_modes
from plugin_backend.modes.mode_table import DECAY, LENGTH, LEVEL, MAX_MODES, ONSET, no_modes
from presets.decoded_takes import LEAD_SAMPLES
from presets.hit_slicing import HITS, Slice, attack_samples, slices_of
from presets.preset import Preset, PresetHeader, Take
from presets.whole_sounds import cut_for, whole_sounds

SHORTEST_HIT_S, LONGEST_HIT_S, LONGEST_RING_S = 0.03, 8.0, 12.0
GRAIN_S, LEAST_RINGING = 0.043, 1e-3
"""Modes are kept if they hold at least −30 dB of a take's energy."""
SOFTEST_DB = -40.0
"""A hit this far below the loudest hit does not become a take."""

MOST_EVENING_DB = 12.0

FADES_SAMPLES = {"hit": (48, 480), "texture": (2400, 4800)}
"""Kind → fade in and fade out of a captured preset. A take whose tail is cut has a longer fade of its own."""

RUMBLE_HZ, RUMBLE_ADDED, RUMBLE_SHARE = 25.0, 2.0, 1e-6
"""The preset is high-passed if the model more than doubles the power below 25 Hz, and that power is over −60 dB."""

AUTO, NONE = "auto", "none"


@dataclass(frozen=True)
class CaptureResult:
    """Result of a capture.

    Attributes:
        preset: the preset.
        hits: number of hits that the detector found in the files; 0 for a texture.
        remarks: number of hits that became no take, and the reason; how many are longer than the model's sounds; one
            line each.
    """

    preset: Preset
    hits: int
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class CaptureSettings:
    """Settings of a capture.

    Attributes:
        kind: ``hit`` or ``texture``. All of a texture's file is one take.
        most_takes: number of takes to keep: the loudest, in file order.
        even: bring the peak of every take to the median peak, by at most 12 dB. Recordings of several libraries need
            this.
        modes: ``auto`` fits the modes of every hit that has some; ``none`` fits none; a number is the most modes of
            a take.
        split: where takes begin, one of :data:`presets.hit_slicing.SPLITS`.
        sensitivity: what counts as a hit.
    """

    kind: str = "hit"
    most_takes: int = 64
    even: bool = False
    modes: str | int = AUTO
    split: str = HITS
    sensitivity: Sensitivity = field(default_factory=Sensitivity)


def capture(
    codec: Codec, name: str, files: list[Path], settings: CaptureSettings | None = None, **fields: Any
) -> CaptureResult:
    """Encode recordings as one preset.

    Args:
        codec: model to encode with.
        name: name of the preset.
        files: any sample rate, mono or stereo (mixed to mono).
        settings: how to capture them.
        fields: more header fields, for example ``program=3``.

    Returns:
        The preset, and what was found in the recordings.

    Raises:
        AudioFileError: a file cannot be used.
        PresetError: no hit was found, or a field is out of range.
    """
    settings = settings or CaptureSettings()
    slices, hits, remarks = recorded_takes(name, files, codec.spec.sample_rate, settings)
    preset = encode_slices(codec, name, slices, settings.kind, settings.modes, **fields)
    return CaptureResult(preset, hits, (*remarks, *cut_for(slices, settings.kind, codec.spec)))


def recorded_takes(
    name: str, files: list[Path], rate_hz: int, settings: CaptureSettings
) -> tuple[list[Slice], int, tuple[str, ...]]:
    """Return the slices that become the takes of a preset.

    Args:
        name: name of the preset, for errors.
        files: see :func:`capture`.
        rate_hz: sample rate of the slices.
        settings: how to capture them.

    Returns:
        Mono slices, the number of hits in the files, and remarks as in :class:`CaptureResult`.

    Raises:
        AudioFileError: a file cannot be used.
        PresetError: no hit was found.
    """
    hits = 0
    remarks: tuple[str, ...] = ()
    if settings.kind == "texture":
        pieces = [read_mono(file, rate_hz) for file in files]
        offsets = [np.float32(dc_offset([piece], rate_hz // 100)) for piece in pieces]
        slices = [Slice(piece - by, (0,), 0) for piece, by in zip(pieces, offsets, strict=True)]
    else:
        cut = [slices_of(file, rate_hz, settings.split, settings.sensitivity) for file in files]
        hits = sum(count for _, count in cut)
        all_slices = [each for of_file, _ in cut for each in of_file]
        slices, remarks = select_takes(all_slices, rate_hz, settings.most_takes)
    if not slices:
        raise PresetError(f"preset '{name}': no hit longer than {SHORTEST_HIT_S * 1000:.0f} ms in its files")
    return even_peaks(slices) if settings.even else slices, hits, remarks


def select_takes(slices: list[Slice], sample_rate: int, most_takes: int) -> tuple[list[Slice], tuple[str, ...]]:
    """Choose the slices that become takes.

    Args:
        slices: all slices, in order.
        sample_rate: in Hz.
        most_takes: number of takes to keep.

    Returns:
        The chosen slices in order, and a line for each reason why others were left out.
    """
    peaks = [float(np.abs(each.audio).max(initial=0.0)) for each in slices]
    least = max(peaks, default=0.0) * 10 ** (SOFTEST_DB / 20)
    loudest = sorted(
        (peak for each, peak in zip(slices, peaks, strict=True) if _reason(each, peak, least, sample_rate) is None),
        reverse=True,
    )[:most_takes]
    kept: list[Slice] = []
    dropped: Counter[str] = Counter()
    for each, peak in zip(slices, peaks, strict=True):
        reason = _reason(each, peak, least, sample_rate)
        if reason is None and (peak < loudest[-1] or len(kept) == most_takes):
            reason = f"only the loudest {most_takes} are kept (--takes)"
        if reason is not None:
            dropped[reason] += 1
            continue
        longest = round(LONGEST_HIT_S * sample_rate)
        kept.append(each if each.audio.size <= longest else Slice(each.audio[:longest], each.onsets, longest // 8))
    return kept, tuple(f"{count} hit{'s' * (count > 1)} left out: {reason}" for reason, count in dropped.items())


def _reason(slice: Slice, peak: float, least: float, sample_rate: int) -> str | None:
    """Return why a slice cannot be a take, or None."""
    if slice.audio.size < SHORTEST_HIT_S * sample_rate:
        return f"shorter than {SHORTEST_HIT_S * 1000:.0f} ms"
    return f"more than {-SOFTEST_DB:.0f} dB below the loudest" if peak < least or peak == 0 else None


def even_peaks(slices: list[Slice]) -> list[Slice]:
    """Return the slices with their peaks moved towards the median peak, by at most :data:`MOST_EVENING_DB`."""
    peaks_db = np.array([20 * np.log10(max(float(np.abs(each.audio).max()), 1e-6)) for each in slices])
    moves_db = np.clip(np.median(peaks_db) - peaks_db, -MOST_EVENING_DB, MOST_EVENING_DB)
    return [each.scaled(10 ** (move_db / 20)) for each, move_db in zip(slices, moves_db, strict=True)]


def encode_pieces(codec: Codec, name: str, pieces: list[np.ndarray], kind: str, **fields: Any) -> Preset:
    """Encode sounds as the takes of one preset, without modes.

    Args:
        codec: model to encode with.
        name: name of the preset.
        pieces: sounds ``[samples]`` at the codec's sample rate.
        kind: ``hit`` or ``texture``.
        fields: more header fields.
    """
    slices = [Slice(piece.astype(np.float32), (attack_samples(piece),), 0) for piece in pieces]
    return encode_slices(codec, name, slices, kind, NONE, **fields)


def encode_slices(codec: Codec, name: str, slices: list[Slice], kind: str, modes: str | int, **fields: Any) -> Preset:
    """Encode slices as the takes of one preset.

    Args:
        codec, name, fields: see :func:`capture`.
        slices: at the codec's sample rate.
        kind, modes: see :class:`CaptureSettings`. A model that describes a whole sound by one vector holds its tones
            too: for it, ``auto`` fits none.
    """
    spec, fade_in, fade_out = codec.spec, *FADES_SAMPLES[kind]
    means, deviations, takes, mode_tables, low = [], [], [], [], np.zeros(2)
    if spec.layout == "vector":
        slices, modes = whole_sounds(slices, kind, spec), NONE if modes == AUTO else modes
    for each in slices:
        rows, rest = no_modes(), each.audio
        if kind == "hit" and modes != NONE:
            rows, rest = ringing_parts(each, spec.sample_rate, None if modes == AUTO else int(modes))
        skip = max(0, each.onsets[0] - LEAD_SAMPLES) if kind == "hit" else 0
        length = max(1, each.audio.size - skip)
        ring = min(_ring_end(rows, each.audio, spec.sample_rate), round(LONGEST_RING_S * spec.sample_rate)) - skip
        fade = each.fade_samples if each.fade_samples > fade_out and "fade_out_samples" not in fields else None
        if ring > length and each.fade_samples:
            rest, length, fade = _fade_out(rest, each.fade_samples), ring, None
        mean, deviation = codec.posterior(rest[None])
        low += _rumble(codec, mean, rest)
        means.append(mean[0])
        deviations.append(deviation[0])
        takes.append(Take(skip, length, fade))
        mode_tables.append(rows)
    rumbles = low[1] > RUMBLE_ADDED * low[0] and low[1] > RUMBLE_SHARE * sum(
        np.square(each.audio).sum() for each in slices
    )
    header: dict[str, Any] = {
        "kind": kind,
        "fade_in_samples": fade_in,
        "fade_out_samples": fade_out,
        "low_cut_hz": RUMBLE_HZ if rumbles else 0.0,
    }
    return Preset(
        PresetHeader(name=name, codec=spec.name, fingerprint=spec.fingerprint, takes=takes, **{**header, **fields}),
        means,
        deviations,
        mode_tables if any(map(len, mode_tables)) else [],
    )


def ringing_parts(slice: Slice, sample_rate: int, most: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Separate a slice into its modes and the rest.

    Args:
        slice: the slice.
        sample_rate: in Hz.
        most: most modes; with None, tones without a decay are separated too.

    Returns:
        Modes ``[n, 6]``, and the rest ``[samples]``.
    """
    rows, rest = fit_modes(slice.audio, sample_rate, list(slice.onsets), most)
    if most is not None:
        return rows, rest
    grains, rest = fit_grains(rest, sample_rate, round(GRAIN_S * sample_rate / 128) * 128, slice.onsets[0])
    if len(rows) + len(grains) > MAX_MODES or _energy(slice.audio - rest) < LEAST_RINGING * _energy(slice.audio):
        return no_modes(), slice.audio
    return np.concatenate([rows, grains]), rest


def _energy(audio: np.ndarray) -> float:
    return float(np.square(audio, dtype=np.float64).sum())


def _ring_end(rows: np.ndarray, audio: np.ndarray, sample_rate: int) -> int:
    """Return the sample at which all modes are 60 dB below the peak of the take."""
    peak = float(np.abs(audio).max(initial=0.0))
    if not len(rows) or not peak:
        return 0
    falls = np.maximum(20 * np.log10(np.maximum(rows[:, LEVEL], 1e-9) / peak) + 60, 0)
    lasts = falls / 60 * rows[:, DECAY] * sample_rate
    return int((rows[:, ONSET] + np.where(rows[:, LENGTH] > 0, rows[:, LENGTH], lasts)).max())


def _fade_out(audio: np.ndarray, samples: int) -> np.ndarray:
    samples = min(samples, audio.size)
    curve = np.ones(audio.size)
    curve[audio.size - samples :] = np.cos(np.linspace(0, np.pi / 2, samples)) ** 2
    return (audio * curve).astype(np.float32)


def _rumble(codec: Codec, mean: np.ndarray, audio: np.ndarray) -> np.ndarray:
    """Return the energy below 25 Hz of a sound, and of its reconstruction by the model."""
    decoded = codec.decode(mean)[0, : audio.size]
    bins = int(RUMBLE_HZ * audio.size / codec.spec.sample_rate) + 1
    return np.array([np.square(np.abs(np.fft.rfft(each)[:bins])).sum() / audio.size * 2 for each in (audio, decoded)])
