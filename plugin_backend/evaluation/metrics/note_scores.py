"""Measure a vector model on notes: reconstruction, pitch, Fréchet distance, and paths between two notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from plugin_backend.codecs.base import Codec
from plugin_backend.corpus.notes.layout import Note
from plugin_backend.dsp.pitch_detection import detect_pitch
from plugin_backend.dsp.spectrogram import Grid, sound_of_magnitudes, spectrum
from plugin_backend.evaluation.embeddings.base import Embedding, embed
from plugin_backend.evaluation.metrics.frechet import frechet_distance

STEPS = 11
TONAL_CLARITY = 0.9
"""A note is tonal if it repeats itself at least so well, and its pitch is that of its label, or an octave of it."""

NEAR_CENTS = 50.0
NO_PITCH_CENTS = 2400.0
"""A decoded note without a pitch counts as two octaves off."""

COMMON_RATE_HZ, COMMON_SAMPLES, COMMON_GRID = 22_050, 16_384, Grid(1024, 256)
"""What models of different rates and lengths are compared on: the length and rate of TIMBRAL."""


@dataclass(frozen=True)
class Played:
    """A note as the model gets it.

    Attributes:
        note: the note on disk.
        audio: ``[hop]`` at the model's rate.
    """

    note: Note
    audio: np.ndarray


def played(notes: Sequence[Note], codec: Codec, count: int) -> list[Played]:
    """Return ``count`` of the notes, evenly spread in their order, cut to the length of the model's sounds.

    Args:
        notes: all notes.
        codec: of the model.
        count: how many.
    """
    chosen = np.unique(np.linspace(0, len(notes) - 1, min(count, len(notes))).round().astype(int))
    return [Played(notes[index], _cut(notes[index], codec)) for index in chosen]


def _cut(note: Note, codec: Codec) -> np.ndarray:
    hop = codec.spec.hop_samples
    audio = note.read(codec.spec.sample_rate)[:hop]
    return np.pad(audio, (0, hop - audio.size)).astype(np.float32)


def convergence_db(estimate: np.ndarray, truth: np.ndarray, grid: Grid) -> float:
    """Return the spectral convergence ``|X̂ − X| / |X|`` of magnitudes in dB; lower is better.

    Args:
        estimate: ``[samples]``.
        truth: ``[samples]``.
        grid: windows.
    """
    ours, theirs = (np.abs(spectrum(audio[None], grid)[0]) for audio in (estimate, truth))
    return float(20 * np.log10(np.linalg.norm(ours - theirs) / max(float(np.linalg.norm(theirs)), 1e-9) + 1e-9))


def pitch_error_cents(estimate: np.ndarray, one: Played, rate_hz: int) -> float | None:
    """Return by how many cents a decoded note is off; ``None`` if the original is not tonal.

    Args:
        estimate: ``[samples]``.
        one: the original.
        rate_hz: of both.
    """
    truth = detect_pitch(one.audio, rate_hz)
    label = one.note.pitch
    if truth is None or truth.clarity < TONAL_CLARITY or label is None:
        return None
    if abs((truth.note - label + 6) % 12 - 6) * 100 > NEAR_CENTS:
        return None
    found = detect_pitch(estimate, rate_hz)
    return NO_PITCH_CENTS if found is None else 100 * abs(found.note - truth.note)


def common(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return the first 0.74 s of a sound at 22,050 Hz."""
    audio = audio if rate_hz == COMMON_RATE_HZ else soxr.resample(audio, rate_hz, COMMON_RATE_HZ)
    return np.pad(audio[:COMMON_SAMPLES], (0, max(0, COMMON_SAMPLES - audio.size))).astype(np.float32)


def reconstruction_scores(codec: Codec, notes: Sequence[Played], embedding: Embedding) -> dict[str, float]:
    """Return the scores of decoded notes.

    Args:
        codec: of the model.
        notes: the originals.
        embedding: for the Fréchet distance.
    """
    rate_hz, grid = codec.spec.sample_rate, COMMON_GRID
    originals = [one.audio for one in notes]
    decoded = [codec.decode(codec.encode(audio[None]))[0] for audio in originals]
    pairs = list(zip(decoded, originals, strict=True))
    short = [(common(estimate, rate_hz), common(truth, rate_hz)) for estimate, truth in pairs]
    errors = [pitch_error_cents(estimate, one, rate_hz) for estimate, one in zip(decoded, notes, strict=True)]
    tonal = np.array([error for error in errors if error is not None])
    clouds = [np.concatenate(embed(sounds, rate_hz, embedding)) for sounds in (decoded, originals)]
    return {
        "notes": len(notes),
        "convergence_db": float(np.median([convergence_db(*pair, grid) for pair in pairs])),
        "convergence_22k_db": float(np.median([convergence_db(*pair, grid) for pair in short])),
        "tonal_notes": len(tonal),
        "pitch_error_cents": float(np.median(tonal)),
        "pitch_error_90_cents": float(np.percentile(tonal, 90)),
        "pitch_wrong_share": float(np.mean(tonal > NEAR_CENTS)),
        "frechet": frechet_distance(*clouds),
    }


def phase_ceiling_db(notes: Sequence[Played], grid: Grid) -> float:
    """Return the convergence of phase reconstruction alone, from the true magnitudes: the median in dB.

    Args:
        notes: the originals.
        grid: the model's windows.
    """
    values = []
    for one in notes:
        restored = sound_of_magnitudes(np.abs(spectrum(one.audio[None], grid)), grid)[0]
        values.append(convergence_db(restored[: one.audio.size], one.audio, COMMON_GRID))
    return float(np.median(values))


def pairs_of(notes: Sequence[Played], count: int) -> list[tuple[Played, Played]]:
    """Return pairs of notes of different families and pitches, always the same ones.

    Args:
        notes: to choose from.
        count: how many pairs.
    """
    rng = np.random.default_rng(0)
    pairs: list[tuple[Played, Played]] = []
    while len(pairs) < count:
        one, other = (notes[index] for index in rng.choice(len(notes), 2, replace=False))
        if one.note.row.instrument_family != other.note.row.instrument_family and one.note.pitch != other.note.pitch:
            pairs.append((one, other))
    return pairs


def path_scores(
    codec: Codec, pairs: Sequence[tuple[Played, Played]], originals: Sequence[Played], embedding: Embedding
) -> dict[str, object]:
    """Return how smooth straight paths of 11 steps between two vectors are.

    Args:
        codec: of the model, with latents for pitch and loudness.
        pairs: the ends of the paths.
        originals: notes that each step's Fréchet distance is measured from.
        embedding: for the distances.
    """
    rate_hz, shares = codec.spec.sample_rate, np.linspace(0, 1, STEPS, dtype=np.float32)[:, None, None]
    pitch_falls, level_falls = 0, 0
    off_cents: list[float] = []
    steps: list[list[np.ndarray]] = [[] for _ in range(STEPS)]
    for one, other in pairs:
        first, last = (codec.encode(end.audio[None]) for end in (one, other))
        vectors = (1 - shares) * first + shares * last
        sounds = codec.decode(vectors)
        for step, audio in enumerate(sounds):
            steps[step].append(audio)
        levels = [float(np.log10(np.sqrt(np.mean(np.square(audio, dtype=np.float64))) + 1e-9)) for audio in sounds]
        level_falls += not _monotone(levels, 1e-4)
        asked = 60 + 12 * vectors[:, 0, codec.spec.pitch_dim]
        found = [detect_pitch(audio, rate_hz) for audio in sounds]
        notes = [np.nan if each is None else each.note for each in found]
        away = [100 * abs(note - wanted) for note, wanted in zip(notes, asked, strict=True)]
        off_cents += np.nan_to_num(away, nan=NO_PITCH_CENTS).tolist()
        pitch_falls += not _monotone(notes, 0.02)
    truth = np.concatenate(embed([one.audio for one in originals], rate_hz, embedding))
    distances = [frechet_distance(np.concatenate(embed(step, rate_hz, embedding)), truth) for step in steps]
    return {
        "paths": len(pairs),
        "paths_with_monotone_level": len(pairs) - level_falls,
        "paths_with_monotone_pitch": len(pairs) - pitch_falls,
        "pitch_off_cents": float(np.median(off_cents)),
        "steps_at_pitch_share": float(np.mean(np.array(off_cents) < NEAR_CENTS)),
        "frechet_by_step": distances,
        "worst_over_ends": float(max(distances[1:-1]) / max(distances[0], distances[-1])),
    }


def _monotone(values: Sequence[float], slack: float) -> bool:
    """Return whether values only rise or only fall, apart from ``slack``; NaN is neither."""
    moves = np.diff(values)
    return bool(np.all(moves >= -slack) or np.all(moves <= slack))
