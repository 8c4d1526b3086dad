"""Turn recordings into a preset: cut into takes, take out what rings, encode the rest, and place the attack."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import read_mono
from plugin_backend.codecs.base import Codec
from plugin_backend.dsp.dc_offset import dc_offset
from plugin_backend.errors import PresetError
from plugin_backend.hit_detection.detect_hits import Sensitivity
from plugin_backend.modes.fit_grains import fit_grains
from plugin_backend.modes.fit_modes import fit_modes
from plugin_backend.modes.mode_table import DECAY, LENGTH, LEVEL, MAX_MODES, ONSET, no_modes
from presets.decoded_takes import LEAD_SAMPLES
from presets.hit_slicing import HITS, Slice, attack_samples, slices_of
from presets.preset import Preset, PresetHeader, Take

SHORTEST_HIT_S, LONGEST_HIT_S, LONGEST_RING_S = 0.03, 8.0, 12.0
GRAIN_S, LEAST_RINGING = 0.043, 1e-3
"""What rings is kept where it holds at least −30 dB of a take's energy."""
SOFTEST_DB = -40.0
"""A hit this far below the loudest of all is no take of its own."""

MOST_EVENING_DB = 12.0

FADES_SAMPLES = {"hit": (48, 480), "texture": (2400, 4800)}
"""Fade in and out given to a captured preset, by kind; a take whose tail deserves it has a longer one of its own."""

RUMBLE_HZ, RUMBLE_ADDED, RUMBLE_SHARE = 25.0, 2.0, 1e-6
"""A model that makes of the takes more than twice the power they have below 25 Hz, and over −60 dB, is high-passed."""

AUTO, NONE = "auto", "none"


@dataclass(frozen=True)
class CaptureResult:
    """What capturing made.

    Attributes:
        preset: the preset.
        hits: how many hits the detector found in the files; 0 of a texture.
        remarks: how many hits made no take, and why; one line each.
    """

    preset: Preset
    hits: int
    remarks: tuple[str, ...]


def capture(
    codec: Codec,
    name: str,
    files: list[Path],
    kind: str = "hit",
    most_takes: int = 64,
    even: bool = False,
    modes: str | int = AUTO,
    split: str = HITS,
    sensitivity: Sensitivity | None = None,
    **fields,
) -> CaptureResult:
    """Encode recordings as one preset.

    Args:
        codec: the model to encode with.
        name: the preset's name.
        files: any rate, mono or stereo (mixed to mono). A texture's file is one take, whole.
        kind: ``hit`` or ``texture``.
        most_takes: the loudest are kept, in file order.
        even: bring every take's peak to their median, by at most 12 dB, as recordings of several
            libraries need.
        modes: ``auto`` fits what rings of each hit, where something does; ``none`` does not; a number is the most
            modes of a take.
        split: where takes begin, one of :data:`presets.hit_slicing.SPLITS`.
        sensitivity: what counts as a hit.
        fields: further header fields, e.g. ``program=3``.

    Raises:
        AudioFileError: a file cannot be used.
        PresetError: no hit was found, or a field is out of range.
    """
    slices, hits, remarks = recorded_takes(
        name, files, kind, codec.spec.sample_rate, most_takes, even, split, sensitivity or Sensitivity()
    )
    return CaptureResult(encode_slices(codec, name, slices, kind, modes, **fields), hits, remarks)


def recorded_takes(
    name: str,
    files: list[Path],
    kind: str,
    rate_hz: int,
    most_takes: int,
    even: bool,
    split: str,
    sensitivity: Sensitivity,
) -> tuple[list[Slice], int, tuple[str, ...]]:
    """The sounds that become a preset's takes; see :func:`capture`.

    Returns:
        The slices, mono at ``rate_hz``; how many hits there are in the files; and remarks, as in :class:`Captured`.

    Raises:
        AudioFileError: a file cannot be used.
        PresetError: no hit was found; ``name`` is the preset's.
    """
    hits, remarks = 0, ()
    if kind == "texture":
        pieces = [read_mono(file, rate_hz) for file in files]
        offsets = [np.float32(dc_offset([piece], rate_hz // 100)) for piece in pieces]
        slices = [Slice(piece - by, (0,), 0) for piece, by in zip(pieces, offsets, strict=True)]
    else:
        cut = [slices_of(file, rate_hz, split, sensitivity) for file in files]
        hits = sum(count for _, count in cut)
        slices, remarks = select_takes([own for found, _ in cut for own in found], rate_hz, most_takes)
    if not slices:
        raise PresetError(f"preset '{name}': no hit longer than {SHORTEST_HIT_S * 1000:.0f} ms in its files")
    return even_peaks(slices) if even else slices, hits, remarks


def select_takes(slices: list[Slice], sample_rate: int, most_takes: int) -> tuple[list[Slice], tuple[str, ...]]:
    """The slices that become takes, in order, and a line for each reason why others do not."""
    peaks = [float(np.abs(own.audio).max(initial=0.0)) for own in slices]
    least = max(peaks, default=0.0) * 10 ** (SOFTEST_DB / 20)
    loudest = sorted(
        (peak for own, peak in zip(slices, peaks, strict=True) if _reason(own, peak, least, sample_rate) is None),
        reverse=True,
    )[:most_takes]
    kept, dropped = [], Counter()
    for own, peak in zip(slices, peaks, strict=True):
        reason = _reason(own, peak, least, sample_rate)
        if reason is None and (peak < loudest[-1] or len(kept) == most_takes):
            reason = f"only the loudest {most_takes} are kept (--takes)"
        if reason is not None:
            dropped[reason] += 1
            continue
        longest = round(LONGEST_HIT_S * sample_rate)
        kept.append(own if own.audio.size <= longest else Slice(own.audio[:longest], own.onsets, longest // 8))
    return kept, tuple(f"{count} hit{'s' * (count > 1)} left out: {reason}" for reason, count in dropped.items())


def _reason(own: Slice, peak: float, least: float, sample_rate: int) -> str | None:
    """Why a slice cannot be a take."""
    if own.audio.size < SHORTEST_HIT_S * sample_rate:
        return f"shorter than {SHORTEST_HIT_S * 1000:.0f} ms"
    return f"more than {-SOFTEST_DB:.0f} dB below the loudest" if peak < least or peak == 0 else None


def even_peaks(slices: list[Slice]) -> list[Slice]:
    """The slices, each moved by at most :data:`MOST_EVENING_DB` towards their median peak."""
    peaks_db = np.array([20 * np.log10(max(float(np.abs(own.audio).max()), 1e-6)) for own in slices])
    moves_db = np.clip(np.median(peaks_db) - peaks_db, -MOST_EVENING_DB, MOST_EVENING_DB)
    return [own.scaled(10 ** (move_db / 20)) for own, move_db in zip(slices, moves_db, strict=True)]


def encode_pieces(codec: Codec, name: str, pieces: list[np.ndarray], kind: str, **fields) -> Preset:
    """Encode sounds ``[samples]`` at the codec's rate as the takes of one preset, as they are: without modes."""
    slices = [Slice(piece.astype(np.float32), (attack_samples(piece),), 0) for piece in pieces]
    return encode_slices(codec, name, slices, kind, NONE, **fields)


def encode_slices(codec: Codec, name: str, slices: list[Slice], kind: str, modes: str | int, **fields) -> Preset:
    """Encode slices at the codec's rate as the takes of one preset; see :func:`capture`."""
    spec, fade_in, fade_out = codec.spec, *FADES_SAMPLES[kind]
    means, deviations, takes, rung, low = [], [], [], [], np.zeros(2)
    for own in slices:
        rows, rest = no_modes(), own.audio
        if kind == "hit" and modes != NONE:
            rows, rest = ringing_parts(own, spec.sample_rate, None if modes == AUTO else int(modes))
        skip = max(0, own.onsets[0] - LEAD_SAMPLES) if kind == "hit" else 0
        length = max(1, own.audio.size - skip)
        ring = min(_ring_end(rows, own.audio, spec.sample_rate), round(LONGEST_RING_S * spec.sample_rate)) - skip
        fade = own.fade_samples if own.fade_samples > fade_out and "fade_out_samples" not in fields else None
        if ring > length and own.fade_samples:
            rest, length, fade = _faded(rest, own.fade_samples), ring, None
        mean, deviation = codec.posterior(rest[None])
        low += _rumble(codec, mean, rest)
        means.append(mean[0])
        deviations.append(deviation[0])
        takes.append(Take(skip, length, fade))
        rung.append(rows)
    rumbles = low[1] > RUMBLE_ADDED * low[0] and low[1] > RUMBLE_SHARE * sum(
        np.square(own.audio).sum() for own in slices
    )
    header = {"fade_in_samples": fade_in, "fade_out_samples": fade_out, "low_cut_hz": RUMBLE_HZ if rumbles else 0.0}
    return Preset(
        PresetHeader(
            name=name, kind=kind, codec=spec.name, fingerprint=spec.fingerprint, takes=takes, **{**header, **fields}
        ),
        means,
        deviations,
        rung if any(map(len, rung)) else [],
    )


def ringing_parts(own: Slice, sample_rate: int, most: int | None) -> tuple[np.ndarray, np.ndarray]:
    """What rings in a slice, ``[n, 6]``, and the rest of it: modes, at most ``most``; without a limit, tones too."""
    rows, rest = fit_modes(own.audio, sample_rate, list(own.onsets), most)
    if most is not None:
        return rows, rest
    grains, rest = fit_grains(rest, sample_rate, round(GRAIN_S * sample_rate / 128) * 128, own.onsets[0])
    if len(rows) + len(grains) > MAX_MODES or _energy(own.audio - rest) < LEAST_RINGING * _energy(own.audio):
        return no_modes(), own.audio
    return np.concatenate([rows, grains]), rest


def _energy(audio: np.ndarray) -> float:
    return float(np.square(audio, dtype=np.float64).sum())


def _ring_end(rows: np.ndarray, audio: np.ndarray, sample_rate: int) -> int:
    """The sample at which all modes are 60 dB below the take's peak."""
    peak = float(np.abs(audio).max(initial=0.0))
    if not len(rows) or not peak:
        return 0
    falls = np.maximum(20 * np.log10(np.maximum(rows[:, LEVEL], 1e-9) / peak) + 60, 0)
    lasts = falls / 60 * rows[:, DECAY] * sample_rate
    return int((rows[:, ONSET] + np.where(rows[:, LENGTH] > 0, rows[:, LENGTH], lasts)).max())


def _faded(audio: np.ndarray, samples: int) -> np.ndarray:
    samples = min(samples, audio.size)
    curve = np.ones(audio.size)
    curve[audio.size - samples :] = np.cos(np.linspace(0, np.pi / 2, samples)) ** 2
    return (audio * curve).astype(np.float32)


def _rumble(codec: Codec, mean: np.ndarray, audio: np.ndarray) -> np.ndarray:
    """Energy below 25 Hz of a sound, and of what the model makes of it."""
    decoded = codec.decode(mean)[0, : audio.size]
    bins = int(RUMBLE_HZ * audio.size / codec.spec.sample_rate) + 1
    return np.array([np.square(np.abs(np.fft.rfft(own)[:bins])).sum() / audio.size * 2 for own in (audio, decoded)])
