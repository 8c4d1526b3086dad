"""Evaluate a bank: compare the takes of every factory preset with the recordings that they were made from.

    pisada evaluate MODEL --data CORPUS --out DIR --bank

The recordings are those that the recipe names, cut and levelled as when the preset was captured. The takes are decoded
from their mean latents, without variation, and faded like a cue. Both begin at the take's first audible sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.corpus.manifest import NAME
from plugin_backend.dsp.crossfade import raised_cosine
from plugin_backend.errors import AudioFileError, PresetError
from plugin_backend.evaluation.embeddings.base import Embedding, embed
from plugin_backend.evaluation.evaluate import Report, silent
from plugin_backend.evaluation.metrics.frechet import frechet_distance
from plugin_backend.evaluation.metrics.score_clips import CODEC, described, score_pair
from plugin_backend.evaluation.metrics.sound_pairs import Pair, hits, texture_study, tonality
from plugin_backend.evaluation.metrics.two_sample import SPECTRA, spectra, two_sample
from plugin_backend.evaluation.report.attribution import read_manifest
from plugin_backend.models.registry import load_codec
from presets.bank import FACTORY_BANK, Bank
from presets.build_factory_bank import capture_entry, files_of, kind_of, recipe, slices_of_entry
from presets.decoded_takes import decoded_takes
from presets.lookup import check_model
from presets.preset import Preset

MOST_TEXTURE_S, GAP_S, END_S = 20.0, 0.05, 0.01
RINGING = ("bell", "glass-break", "hinge-creak", "prop-bucket", "prop-coins", "prop-glass", "prop-metal")
"""Presets of objects that ring: metal, glass, a hinge."""


@dataclass(frozen=True)
class EvaluatedPreset:
    """A preset's takes as pairs of recording and decoded audio. ``package`` is the source of the recordings."""

    name: str
    kind: str
    package: str
    pairs: list[Pair]


def audible_take(preset: Preset, index: int, codec: Codec) -> np.ndarray:
    """Return a take as a cue plays it at velocity 1, without variation and without the preset's gain.

    Args:
        preset: the preset.
        index: index of the take.
        codec: model that made the preset.

    Returns:
        ``[samples]``.
    """
    take, header = preset.header.takes[index], preset.header
    audio = decoded_takes(preset, codec, index)[take.skip_samples : take.skip_samples + take.length_samples]
    positions = np.arange(audio.size)
    fade_out = header.fade_out_samples if take.fade_out_samples is None else take.fade_out_samples
    for fade, distance in ((header.fade_in_samples, positions), (fade_out, positions[::-1])):
        audio = audio * raised_cosine((distance + 1) / (min(fade, audio.size // 2) + 1)).astype(np.float32)
    return audio


def evaluated_presets(corpus: Path, codec: Codec, bank: Bank | None = None) -> Iterator[EvaluatedPreset]:
    """Yield every preset of the recipe with its recordings.

    Args:
        corpus: folder of the Foley corpus.
        codec: model that decodes.
        bank: bank of the presets; without one they are captured again with ``codec``.

    Raises:
        AudioFileError: the folder is not the corpus.
        PresetError: a preset is missing, or another model or other recordings made it.
    """
    if not (corpus / NAME).is_file():
        raise AudioFileError(
            f"{corpus}: not the Foley corpus, it has no {NAME}; make one with `pisada corpus-fetch` and give its folder"
        )
    packages = {row["file"]: row["debian_package"] for row in read_manifest(corpus)}
    rate_hz = codec.spec.sample_rate
    for entry in recipe():
        name, kind, files = entry["name"], kind_of(entry), files_of(entry, corpus)
        preset = bank[name] if bank else capture_entry(entry, corpus, codec)
        recordings = [each.audio for each in slices_of_entry(entry, corpus, rate_hz)]
        check_model(preset, codec, "rebuild the bank")
        if len(recordings) != len(preset.means):
            counts = f"{len(preset.means)} takes, and its recordings give {len(recordings)}"
            raise PresetError(f"preset '{name}' has {counts}: rebuild the bank with this corpus")
        package = packages[str(files[0].relative_to(corpus))]
        pairs = []
        for index, recording in enumerate(recordings):
            begin = preset.header.takes[index].skip_samples
            decoded = audible_take(preset, index, codec)
            size = min(decoded.size, recording.size - begin, round(MOST_TEXTURE_S * rate_hz))
            truth = recording[begin : begin + size]
            pairs.append(Pair(f"{name} {index}", name, package, truth, decoded[:size]))
        yield EvaluatedPreset(name, kind, package, pairs)


def bank_of(model: str, corpus: Path) -> list[EvaluatedPreset]:
    """Return the factory presets with their recordings: as shipped for the model that made them, else captured again.

    Args:
        model: name of the model.
        corpus: folder of the Foley corpus.

    Raises:
        CheckpointError: the model cannot be used.
        AudioFileError, PresetError: see :func:`evaluated_presets`.
    """
    codec, bank = load_codec(model), Bank(FACTORY_BANK)
    shipped = codec.spec.fingerprint == bank[bank.names[0]].header.fingerprint
    return list(evaluated_presets(corpus, codec, bank if shipped else None))


def joined_takes(preset: EvaluatedPreset, sample_rate: int) -> Pair:
    """Return all takes of a preset in sequence, 50 ms apart, as one pair."""
    gap = np.zeros(round(GAP_S * sample_rate), np.float32)
    sides = (
        np.concatenate([piece for pair in preset.pairs for piece in (getattr(pair, side), gap)])
        for side in ("truth", "guess")
    )
    return Pair(preset.name, preset.name, preset.package, *sides)


def evaluate_bank(
    presets: list[EvaluatedPreset], codec: Codec, embeddings: list[Embedding], tell: Report = silent
) -> dict:
    """Compute all metrics of a bank.

    Args:
        presets: the presets with their recordings.
        codec: model that decoded them.
        embeddings: for Fréchet distances and two-sample tests.
        tell: called with progress, before the first preset and after each.

    Returns:
        ``presets``: per name ``kind``, ``takes``, ``end_db`` (hits: level of the recording in the last 10 ms of the
        take, relative to its loudest 10 ms), ``metrics`` (see
        :func:`~plugin_backend.evaluation.metrics.score_clips.score_pair`), and ``hits`` or ``textures`` and
        ``tonality`` of
        :mod:`~plugin_backend.evaluation.metrics.sound_pairs`. ``hits``, ``textures``, ``tonality`` and ``metrics`` (by
        kind) of all; ``ringing``, the tonality of :data:`RINGING`; ``frechet`` and ``two_sample`` by embedding.
    """
    rate_hz, hop = codec.spec.sample_rate, codec.spec.hop_samples
    rows: dict[str, list[dict]] = {"hit": [], "texture": []}
    results: dict[str, dict[str, Any]] = {}
    tell("bank", 0, len(presets))
    for done, preset in enumerate(presets, 1):
        scores = [score_pair(pair.guess, pair.truth, rate_hz, hop, False) for pair in preset.pairs]
        rows[preset.kind] += scores
        results[preset.name] = {"kind": preset.kind, "takes": len(preset.pairs), "metrics": _summary(scores)}
        results[preset.name]["tonality"] = _without_rows(tonality(preset.pairs, rate_hz))
        if preset.kind == "hit":
            results[preset.name]["hits"] = _without_labels(hits(preset.pairs, rate_hz))
            results[preset.name]["end_db"] = round(
                float(np.median([_end_db(p.truth, rate_hz) for p in preset.pairs])), 2
            )
        else:
            results[preset.name]["textures"] = texture_study(preset.pairs, rate_hz)
        tell("bank", done, len(presets))
    pairs = {kind: [pair for one in presets if one.kind == kind for pair in one.pairs] for kind in rows}
    ringing = [pair for one in presets if one.name in RINGING for pair in one.pairs]
    strings = [joined_takes(preset, rate_hz) for preset in presets]
    frechet, distinguishable = _compare_sets(strings, rate_hz, embeddings)
    return {
        "presets": results,
        "metrics": {kind: _summary(of) for kind, of in rows.items() if of},
        "hits": _without_labels(hits(pairs["hit"], rate_hz)),
        "textures": texture_study(pairs["texture"], rate_hz),
        "ringing": tonality(ringing, rate_hz),
        "frechet": frechet,
        "two_sample": distinguishable,
    }


def _compare_sets(strings: list[Pair], rate_hz: int, embeddings: list[Embedding]) -> tuple[dict, dict]:
    """Return Fréchet distances and two-sample tests of the whole bank, by embedding."""
    embedders: dict[str, Any] = {SPECTRA: lambda sounds: [spectra(audio, rate_hz) for audio in sounds]}
    embedders |= {by.name: lambda sounds, by=by: embed(sounds, rate_hz, by) for by in embeddings}
    frechet, distinguishable, sources = {}, {}, [pair.source for pair in strings]
    for name, points_of in embedders.items():
        truth, guess = (points_of([getattr(pair, side) for pair in strings]) for side in ("truth", "guess"))
        distinguishable[name] = two_sample({CODEC: guess}, truth, sources)
        if name != SPECTRA:
            frechet[name] = round(frechet_distance(np.concatenate(guess), np.concatenate(truth)), 4)
    return frechet, distinguishable


def _summary(rows: list[dict]) -> dict:
    return {metric: described(rows, metric) for metric in rows[0]}


def _without_rows(study: dict) -> dict:
    return {name: value for name, value in study.items() if name != "rows"}


def _without_labels(study: dict) -> dict:
    return {name: value for name, value in study.items() if name != "by_label"}


def _end_db(audio: np.ndarray, rate_hz: int) -> float:
    """Return the level of the last 10 ms in dB, relative to the loudest 10 ms."""
    window = round(END_S * rate_hz)
    energy = np.concatenate([[0.0], np.square(audio, dtype=np.float64).cumsum()])
    blocks = energy[window:] - energy[:-window]
    return float(10 * np.log10(max(blocks[-1], 1e-20) / max(blocks.max(), 1e-20)))
