"""Compare models in one table: all metrics on held-out clips and on the bank, with a column for each model.

    python -m presets.compare_models CORPUS MODEL [MODEL …] [--anchors] [--visqol] [--without-bank] [--out TABLE.md]

MODEL is the name of a factory model or a checkpoint. The bank is captured again with each model. The clips are those of
the first model's held-out sources, and every model must have held out the same sources.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import CheckpointError, PisadaError
from plugin_backend.evaluation.data.dense_clips import dense_clips, group_of
from plugin_backend.evaluation.data.evaluation_set import EvaluationSet, held_out_of, read_evaluation_set
from plugin_backend.evaluation.embeddings.base import Embedding
from plugin_backend.evaluation.evaluate import Report, installed_embeddings, silent
from plugin_backend.evaluation.metrics.anchors import NOISE_ANCHORS
from plugin_backend.evaluation.metrics.artefacts import silence_dbfs
from plugin_backend.evaluation.metrics.cpu_cost import score_cost
from plugin_backend.evaluation.metrics.score_clips import CODEC, System, reconstruct, score_clips
from plugin_backend.evaluation.metrics.sound_pairs import single_hits, studies
from plugin_backend.evaluation.report.model_card import print_to_stderr
from plugin_backend.evaluation.report.model_card_text import table
from plugin_backend.evaluation.report.sound_table import NULL, ROWS, Row, lines, sound_scores
from plugin_backend.evaluation.studies.linear_probe import examine_takes, features
from plugin_backend.evaluation.studies.surface_materials import is_material
from plugin_backend.models.registry import load_codec
from plugin_backend.output_files import write_atomically
from presets.evaluate_bank import evaluate_bank, evaluated_presets

WIND, GRANULAR = "amb-wind", ("step-gravel", "step-snow", "step-grass", "step-dirt")
CLIP_ROWS = [
    Row("Fréchet, YAMNet", ("clips", "frechet_yamnet", "mean"), "{:.1f}"),
    Row("Fréchet, aiSFX", ("clips", "frechet_aisfx", "mean"), "{:.1f}"),
    Row("ViSQOL", ("clips", "visqol", "mean")),
    Row("log-mel error, dB", ("clips", "log_mel_error_db", "mean")),
    Row("onset error, ms (median)", ("clips", "onset_error_ms", "median")),
    Row("hit peak error, dB (median)", ("clips", "peak_error_db", "median")),
    Row("2 ms envelope", ("clips", "envelope_correlation", "mean"), "{:.3f}"),
    Row("centroid error, octaves", ("clips", "centroid_error", "mean"), "{:.3f}"),
    Row("CPU time over sound time, encode", ("cost", "encode"), "{:.4f}"),
    Row("CPU time over sound time, decode", ("cost", "decode"), "{:.4f}"),
    Row("phase coherence", ("clips", "phase_coherence", "mean")),
    Row("material named as the original's (probe, other takes)", ("material",)),
]
BANK_ROWS = [
    Row("bank: comb of textures over controls, dB more", ("bank", "metrics", "texture", "comb_db", "mean")),
    Row("bank: comb of wind, share of its energy, dB", ("bank", "presets", WIND, "metrics", "comb_share_db", "mean")),
    Row("bank: Fréchet, YAMNet", ("bank", "frechet", "yamnet"), "{:.1f}"),
    Row("bank: Fréchet, aiSFX", ("bank", "frechet", "aisfx"), "{:.1f}"),
    *(Row(f"bank: two-sample AUC, {name}", ("bank", "two_sample", key, CODEC))
      for name, key in (("YAMNet", "yamnet"), ("aiSFX", "aisfx"), ("spectra", "spectra"))),
    Row("bank: level of takes, dB (median)", ("bank", "hits", "level_db")),
    Row("bank: level of textures, dB", ("bank", "metrics", "texture", "level_db", "mean")),
    Row("bank: texture statistics, decoded over two takes", ("bank", "textures", "ratio")),
    *(Row(f"bank: {side} of {name} over the original's", ("bank", "presets", name, "hits", f"{side}_ratio"))
      for name in GRANULAR for side in ("rise", "fall")),
    Row("bank: energy added below 25 Hz, hits, %", ("bank", "metrics", "hit", "rumble_25_percent", "mean")),
    Row("bank: resonant presets, partials found", ("bank", "ringing", "found")),
    Row("bank: resonant presets, prominence error, dB (median)", ("bank", "ringing", "prominence_error_db"), "{:.1f}"),
    Row("bank: resonant presets, frequency error, cents (median)", ("bank", "ringing", "cents_error"), "{:.1f}"),
    Row("bank: resonant presets, decay error, % (median)", ("bank", "ringing", "decay_error_percent"), "{:.0f}"),
]  # fmt: skip


def score_models(
    material: EvaluationSet,
    codecs: dict[str, Codec],
    embeddings: list[Embedding],
    with_anchors: bool,
    with_visqol: bool,
) -> dict[str, dict]:
    """Score models on dense clips and single sounds.

    Args:
        material: the sounds.
        codecs: name → codec; all have the same sample rate.
        embeddings: see :func:`~plugin_backend.evaluation.metrics.score_clips.score_clips`.
        with_anchors: also score the noise anchors, with the first codec's frame rate.
        with_visqol: also compute the slowest metric.

    Returns:
        System → its scores, in the structure of the rows; and ``null``.
    """
    first = next(iter(codecs.values())).spec
    systems = {name: reconstruct(codec) for name, codec in codecs.items()} | (NOISE_ANCHORS if with_anchors else {})
    hops = dict.fromkeys(systems, first.hop_samples) | {name: codec.spec.hop_samples for name, codec in codecs.items()}
    clips = dense_clips(material.evaluated, first.sample_rate)
    scores = score_clips(systems, hops, clips, first.sample_rate, embeddings, with_visqol, lambda: None)
    singles = single_hits(material.evaluated, first.sample_rate)
    sounds = sound_scores(scores, studies(systems, clips, scores.decoded, singles, first.sample_rate))
    agreement = material_agreement(material, systems, first.sample_rate, embeddings[0])
    return {
        name: of_system | {"clips": scores.metrics.get(name), "material": agreement.get(name)}
        for name, of_system in sounds.items()
    }


def material_agreement(
    material: EvaluationSet, systems: dict[str, System], rate_hz: int, yamnet: Embedding
) -> dict[str, float]:
    """Return how often a probe names the same material for decoded sounds as for the originals.

    Args:
        material: the sounds.
        systems: name → system.
        rate_hz: sample rate.
        yamnet: embedding for the probe, which is trained on other takes.

    Returns:
        System → share of sounds, 0 to 1.
    """
    sounds = [sound for sound in material.evaluated if is_material(sound.label)]
    labels = [group_of(sound.label) for sound in sounds]
    audio_of = {"original": lambda audio, rate_hz: audio} | systems
    points = {
        name: np.stack([features(system(sound.audio, rate_hz), rate_hz, yamnet) for sound in sounds])
        for name, system in audio_of.items()
    }
    results = examine_takes(points, labels)["systems"]
    return {name: results[name]["agreement"] for name in systems if name in results}


def compare(
    corpus: Path,
    models: list[str],
    with_anchors: bool = False,
    with_visqol: bool = False,
    with_bank: bool = True,
    tell: Report = silent,
) -> dict[str, dict]:
    """Score every model on the same sounds.

    Args:
        corpus: folder of the Foley corpus.
        models: factory names or checkpoints.
        with_anchors: also score the noise anchors.
        with_visqol: also compute the slowest metric.
        with_bank: also score the bank, captured with each model.
        tell: called with progress.

    Returns:
        Model → its scores; also the anchors and ``null``.

    Raises:
        CheckpointError: a model cannot be used, or has other held-out sounds or another sample rate than the first.
        AudioFileError: the corpus cannot be used.
        MissingExtraError: the ``evaluate`` extra is not installed.
    """
    codecs = {model: load_codec(model) for model in models}
    first, rate_hz = models[0], codecs[models[0]].spec.sample_rate
    for model, codec in codecs.items():
        if held_out_of(model) != held_out_of(first) or codec.spec.sample_rate != rate_hz:
            raise CheckpointError(f"{model}: held out other sounds, or has another sample rate, than {first}")
    embeddings, _ = installed_embeddings()
    tell("reading the corpus", 0, 1)
    material = read_evaluation_set(corpus, rate_hz, held_out_of(first))
    tell("clips", 0, 1)
    scores = score_models(material, codecs, embeddings, with_anchors, with_visqol)
    for model, codec in codecs.items():
        scores[model] |= {"silence_dbfs": silence_dbfs(codec), "cost": score_cost(codec)}
        if with_bank:
            tell(f"the bank with {model}", 0, 1)
            bank = scores[model]["bank"] = evaluate_bank(list(evaluated_presets(corpus, codec)), codec, embeddings)
            scores[NULL]["bank"] = {"two_sample": {name: {CODEC: of[NULL]} for name, of in bank["two_sample"].items()}}
    return scores


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="the Foley corpus")
    parser.add_argument("models", nargs="+", help="factory names or checkpoints")
    parser.add_argument("--anchors", action="store_true", help="also score noise with the envelopes of the originals")
    parser.add_argument("--visqol", action="store_true", help="also compute the slowest metric")
    parser.add_argument("--without-bank", action="store_true", help="only clips and single sounds")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    chosen = options.anchors, options.visqol, not options.without_bank
    try:
        scores = compare(options.corpus, options.models, *chosen, print_to_stderr)
    except PisadaError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_status
    text = table(["measure", *scores], lines(scores, [*CLIP_ROWS, *ROWS, *BANK_ROWS]), texts=1) + "\n"
    print(text, end="")
    if options.out:
        with write_atomically(options.out) as part:
            part.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
