"""Turn recordings into a preset: slice, encode, and place the attack."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import numpy as np

from plugin_backend.audio_files import read_mono
from plugin_backend.codec import Codec
from plugin_backend.errors import PresetError
from plugin_backend.offset import offset_of
from presets.preset import Preset, PresetHeader, Take
from presets.slicing import attack_samples, split_hits

LEAD_SAMPLES = 48
"""Heard before the decoded attack: 1 ms at 48 kHz."""

SHORTEST_HIT_S, LONGEST_HIT_S = 0.03, 4.0

MOST_EVENING_DB = 12.0

FADES_SAMPLES = {"hit": (48, 480), "texture": (2400, 4800)}
"""Fade in and out given to a captured preset, by kind."""


def capture(
    codec: Codec,
    name: str,
    files: list[Path],
    kind: str = "hit",
    most_takes: int = 16,
    even: bool = False,
    **fields,
) -> Preset:
    """Encode recordings as one preset.

    Args:
        codec: the model to encode with.
        name: the preset's name.
        files: any rate, mono or stereo (mixed to mono). Each hit found becomes a take; a texture's
            file is one take, whole.
        kind: ``hit`` or ``texture``.
        most_takes: the loudest are kept, in file order.
        even: bring every take's peak to their median, by at most 12 dB, as recordings of several
            libraries need.
        fields: further header fields, e.g. ``program=3``.

    Raises:
        AudioFileError: a file cannot be used.
        PresetError: no hit was found, or a field is out of range.
    """
    pieces = recorded_takes(name, files, kind, codec.spec.sample_rate, most_takes, even)
    return encode_pieces(codec, name, pieces, kind, **fields)


def recorded_takes(
    name: str, files: list[Path], kind: str, rate_hz: int, most_takes: int = 16, even: bool = False
) -> list[np.ndarray]:
    """The sounds that become a preset's takes, each mono ``[samples]`` at ``rate_hz``; see :func:`capture`.

    Raises:
        AudioFileError: a file cannot be used.
        PresetError: no hit was found; ``name`` is the preset's.
    """
    pieces = []
    for file in files:
        audio = read_mono(file, rate_hz)
        audio -= np.float32(offset_of([audio], rate_hz // 100))
        regions = split_hits(audio, rate_hz) if kind == "hit" else [(0, audio.size)]
        longest = round(LONGEST_HIT_S * rate_hz)
        pieces += [
            audio[a : min(b, a + longest)] if kind == "hit" else audio
            for a, b in regions
            if b - a >= SHORTEST_HIT_S * rate_hz
        ]
    if not pieces:
        raise PresetError(f"preset '{name}': no hit longer than {SHORTEST_HIT_S * 1000:.0f} ms in its files")
    quietest = sorted((float(np.abs(piece).max()) for piece in pieces), reverse=True)[:most_takes][-1]
    pieces = [piece for piece in pieces if np.abs(piece).max() >= quietest][:most_takes]
    return even_peaks(pieces) if even else pieces


def even_peaks(pieces: list[np.ndarray]) -> list[np.ndarray]:
    """The pieces, each moved by at most :data:`MOST_EVENING_DB` towards their median peak."""
    peaks_db = np.array([20 * np.log10(max(float(np.abs(piece).max()), 1e-6)) for piece in pieces])
    moves_db = np.clip(np.median(peaks_db) - peaks_db, -MOST_EVENING_DB, MOST_EVENING_DB)
    return [piece * np.float32(10 ** (move_db / 20)) for piece, move_db in zip(pieces, moves_db, strict=True)]


def encode_pieces(codec: Codec, name: str, pieces: list[np.ndarray], kind: str, **fields) -> Preset:
    """Encode slices ``[samples]`` at the codec's rate as the takes of one preset."""
    means, deviations, takes = [], [], []
    for piece in pieces:
        mean, deviation = codec.posterior(piece[None].astype(np.float32))
        skip = 0
        if kind == "hit":
            heard, wanted = attack_samples(codec.decode(mean)[0]), attack_samples(piece)
            skip = max(0, heard - min(LEAD_SAMPLES, wanted))
        means.append(mean[0])
        deviations.append(deviation[0])
        takes.append(Take(skip, max(1, piece.size - skip)))
    fade_in, fade_out = FADES_SAMPLES[kind]
    header = {"fade_in_samples": fade_in, "fade_out_samples": fade_out, **fields}
    spec = codec.spec
    return Preset(
        PresetHeader(name=name, kind=kind, codec=spec.name, fingerprint=spec.fingerprint, takes=takes, **header),
        means,
        deviations,
    )


def with_level(preset: Preset, codec: Codec, peak_db: float) -> Preset:
    """The same preset with ``gain_db`` set so that its loudest take, decoded, peaks at ``peak_db`` dBFS."""
    peak = max(float(np.abs(codec.decode(mean[None])).max()) for mean in preset.means)
    gain_db = float(np.clip(peak_db - 20 * np.log10(max(peak, 1e-6)), -60, 24))
    header = msgspec.structs.replace(preset.header, gain_db=round(gain_db, 2))
    return dataclasses.replace(preset, header=header)
