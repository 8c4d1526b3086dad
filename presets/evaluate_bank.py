"""Judge a bank: every factory preset's takes beside the recordings they were made from.

    pisada evaluate MODEL --data CORPUS --out DIR --bank

The recordings are those the recipe names, sliced and evened as when the preset was captured; the takes are
decoded from their mean latents, without variation, and faded as a cue would be. Both begin where the take is
first heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
from presets.preset import Preset

MOST_TEXTURE_S, GAP_S, END_S = 20.0, 0.05, 0.01
RINGING = ("bell", "glass-break", "hinge-creak", "prop-bucket", "prop-coins", "prop-glass", "prop-metal")
"""Presets of what rings: metal, glass, a hinge."""


@dataclass(frozen=True)
class EvaluatedPreset:
    """A preset's takes as pairs of recording and what is heard; ``package`` is where they were recorded."""

    name: str
    kind: str
    package: str
    pairs: list[Pair]


def audible_take(preset: Preset, index: int, codec: Codec) -> np.ndarray:
    """One take as a cue plays it at velocity 1, without variation and the preset's gain: mono ``[samples]``."""
    take, header = preset.header.takes[index], preset.header
    audio = decoded_takes(preset, codec, index)[take.skip_samples : take.skip_samples + take.length_samples]
    positions = np.arange(audio.size)
    fade_out = header.fade_out_samples if take.fade_out_samples is None else take.fade_out_samples
    for fade, distance in ((header.fade_in_samples, positions), (fade_out, positions[::-1])):
        audio = audio * raised_cosine((distance + 1) / (min(fade, audio.size // 2) + 1)).astype(np.float32)
    return audio


def evaluated_presets(corpus: Path, codec: Codec, bank: Bank | None = None) -> Iterator[EvaluatedPreset]:
    """Every preset of the recipe beside its recordings.

    Args:
        corpus: the Foley corpus.
        codec: what decodes.
        bank: holds the presets; without one they are captured anew with ``codec``.

    Raises:
        AudioFileError: this is not the corpus.
        PresetError: a preset is missing, or was made by another model or from other recordings.
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
        recordings = [own.audio for own in slices_of_entry(entry, corpus, rate_hz)]
        if preset.header.fingerprint != codec.spec.fingerprint:
            raise PresetError(f"preset '{name}' was made by another model than {codec.spec.name}: rebuild the bank")
        if len(recordings) != len(preset.means):
            told = f"{len(preset.means)} takes, and its recordings give {len(recordings)}"
            raise PresetError(f"preset '{name}' has {told}: rebuild the bank with this corpus")
        package = packages[str(files[0].relative_to(corpus))]
        pairs = []
        for index, recording in enumerate(recordings):
            begin = preset.header.takes[index].skip_samples
            made = audible_take(preset, index, codec)
            size = min(made.size, recording.size - begin, round(MOST_TEXTURE_S * rate_hz))
            truth = recording[begin : begin + size]
            pairs.append(Pair(f"{name} {index}", name, package, truth, made[:size]))
        yield EvaluatedPreset(name, kind, package, pairs)


def bank_of(model: str, corpus: Path) -> list[EvaluatedPreset]:
    """The factory presets beside their recordings: as shipped with the model that made them, else captured anew.

    Raises:
        CheckpointError: the model cannot be used.
        AudioFileError, PresetError: see :func:`judged_presets`.
    """
    codec, bank = load_codec(model), Bank(FACTORY_BANK)
    shipped = codec.spec.fingerprint == bank[bank.names[0]].header.fingerprint
    return list(evaluated_presets(corpus, codec, bank if shipped else None))


def joined_takes(preset: EvaluatedPreset, sample_rate: int) -> Pair:
    """All takes of a preset one after another, 50 ms apart, as one pair."""
    gap = np.zeros(round(GAP_S * sample_rate), np.float32)
    sides = (
        np.concatenate([piece for pair in preset.pairs for piece in (getattr(pair, side), gap)])
        for side in ("truth", "guess")
    )
    return Pair(preset.name, preset.name, preset.package, *sides)


def evaluate_bank(
    presets: list[EvaluatedPreset], codec: Codec, embeddings: list[Embedding], tell: Report = silent
) -> dict:
    """All measures of a bank; ``tell`` is called before the first preset and after each.

    Returns:
        ``presets``: per name ``kind``, ``takes``, ``end_db`` (hits: how loud the recording still is in the last 10 ms
        of the take, relative to its loudest 10 ms), ``metrics`` (see
        :func:`~plugin_backend.evaluation.metrics.score_clips.score_pair`), and ``hits`` or ``textures`` and
        ``tonality`` of
        :mod:`~plugin_backend.evaluation.metrics.sound_pairs`. ``hits``, ``textures``, ``tonality`` and ``metrics`` (by
        kind) of all; ``ringing``, the tonality of :data:`RINGING`; ``frechet`` and ``two_sample`` by what hears it.
    """
    rate_hz, hop = codec.spec.sample_rate, codec.spec.hop_samples
    rows, found = {"hit": [], "texture": []}, {}
    tell("bank", 0, len(presets))
    for done, preset in enumerate(presets, 1):
        mine = [score_pair(pair.guess, pair.truth, rate_hz, hop, False) for pair in preset.pairs]
        rows[preset.kind] += mine
        found[preset.name] = {"kind": preset.kind, "takes": len(preset.pairs), "metrics": _summary(mine)}
        found[preset.name]["tonality"] = _without_rows(tonality(preset.pairs, rate_hz))
        if preset.kind == "hit":
            found[preset.name]["hits"] = _without_labels(hits(preset.pairs, rate_hz))
            found[preset.name]["end_db"] = round(float(np.median([_end_db(p.truth, rate_hz) for p in preset.pairs])), 2)
        else:
            found[preset.name]["textures"] = texture_study(preset.pairs, rate_hz)
        tell("bank", done, len(presets))
    pairs = {kind: [pair for one in presets if one.kind == kind for pair in one.pairs] for kind in rows}
    ringing = [pair for one in presets if one.name in RINGING for pair in one.pairs]
    strings = [joined_takes(preset, rate_hz) for preset in presets]
    frechet, apart = _sets(strings, rate_hz, embeddings)
    return {
        "presets": found,
        "metrics": {kind: _summary(of) for kind, of in rows.items() if of},
        "hits": _without_labels(hits(pairs["hit"], rate_hz)),
        "textures": texture_study(pairs["texture"], rate_hz),
        "ringing": tonality(ringing, rate_hz),
        "frechet": frechet,
        "two_sample": apart,
    }


def _sets(strings: list[Pair], rate_hz: int, embeddings: list[Embedding]) -> tuple[dict, dict]:
    """Fréchet distances and two-sample tests of the whole bank, by what hears it."""
    hearing = {SPECTRA: lambda sounds: [spectra(audio, rate_hz) for audio in sounds]}
    hearing |= {by.name: lambda sounds, by=by: embed(sounds, rate_hz, by) for by in embeddings}
    frechet, apart, sources = {}, {}, [pair.source for pair in strings]
    for name, points_of in hearing.items():
        truth, guess = (points_of([getattr(pair, side) for pair in strings]) for side in ("truth", "guess"))
        apart[name] = two_sample({CODEC: guess}, truth, sources)
        if name != SPECTRA:
            frechet[name] = round(frechet_distance(np.concatenate(guess), np.concatenate(truth)), 4)
    return frechet, apart


def _summary(rows: list[dict]) -> dict:
    return {metric: described(rows, metric) for metric in rows[0]}


def _without_rows(study: dict) -> dict:
    return {name: value for name, value in study.items() if name != "rows"}


def _without_labels(study: dict) -> dict:
    return {name: value for name, value in study.items() if name != "by_label"}


def _end_db(audio: np.ndarray, rate_hz: int) -> float:
    """How loud the last 10 ms are, relative to the loudest 10 ms."""
    window = round(END_S * rate_hz)
    energy = np.concatenate([[0.0], np.square(audio, dtype=np.float64).cumsum()])
    blocks = energy[window:] - energy[:-window]
    return float(10 * np.log10(max(blocks[-1], 1e-20) / max(blocks.max(), 1e-20)))
