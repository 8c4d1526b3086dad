"""Several models in one table: all measures of sound on held-out clips and on the bank, a column a model.

    python -m presets.compare_models CORPUS MODEL [MODEL …] [--anchors] [--visqol] [--without-bank] [--out TABLE.md]

MODEL is a factory name or a checkpoint; the bank is captured anew with each. The clips are those of the first model's
held-out sources, and every model must have held out the same.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from plugin_backend.codec import Codec
from plugin_backend.codecs import load_codec
from plugin_backend.errors import CheckpointError, PisadaError
from plugin_backend.evaluation.anchors import NOISE_ANCHORS
from plugin_backend.evaluation.artefacts import silence_dbfs
from plugin_backend.evaluation.dense_clips import dense_clips, is_texture
from plugin_backend.evaluation.evaluate import installed_embeddings
from plugin_backend.evaluation.html import number
from plugin_backend.evaluation.material import Material, held_out_of, read_material
from plugin_backend.evaluation.measure import System, described, score_clips, there_and_back
from plugin_backend.evaluation.sound_pairs import single_hits, studies
from plugin_backend.files import replaced_when_whole
from presets.bank_evaluation import judge_bank, judged_presets

NULL = "null"
Tell = Callable[[str], None]


@dataclass
class Judged:
    """What a column holds: ``clips`` (metric → numbers), ``textures`` (the same of textures alone), ``two_sample``,
    ``studies`` (see :func:`~plugin_backend.evaluation.sound_pairs.studies`), ``bank`` and ``silence_dbfs``."""

    clips: dict
    textures: dict
    two_sample: dict
    studies: dict
    bank: dict = field(default_factory=dict)
    silence_dbfs: float | None = None


def get(found: dict | None, *path: str):
    """``found[path[0]][path[1]]…``; ``None`` as soon as something is missing."""
    for name in path:
        found = found.get(name) if found else None
    return found


def _clip(metric: str, key: str = "mean") -> Callable[[Judged], float | None]:
    return lambda one: get(one.clips, metric, key)


def _texture(metric: str) -> Callable[[Judged], float | None]:
    return lambda one: get(one.textures, metric, "mean")


def _study(*path: str) -> Callable[[Judged], float | None]:
    return lambda one: get(one.studies, *path)


def _auc(name: str) -> Callable[[Judged], float | None]:
    return lambda one: get(one.two_sample, name)


def _bank(*path: str) -> Callable[[Judged], float | None]:
    return lambda one: get(one.bank, *path)


def _of_steps(*path: str) -> Callable[[Judged], dict | None]:
    """Of gravel, snow, grass and dirt the numbers, one after another."""
    return lambda one: [get(one.bank, "presets", name, "hits", *path) for name in GRANULAR] if one.bank else None


GRANULAR = ("step-gravel", "step-snow", "step-grass", "step-dirt")
ROWS: list[tuple[str, str, Callable[[Judged], float | list | None]]] = [
    ("comb over controls, textures, dB over originals", "≤ 1", _texture("comb_db")),
    ("… each multiple, mean", "", _texture("comb_each_db")),
    ("… worst other rate", "", _texture("comb_other_db")),
    ("… share of all energy, dB", "", _texture("comb_share_db")),
    ("Fréchet YAMNet", "≤ 22", _clip("frechet_yamnet")),
    ("Fréchet aiSFX", "≤ 85", _clip("frechet_aisfx")),
    ("two-sample AUC, YAMNet", "≤ .75", _auc("yamnet")),
    ("two-sample AUC, aiSFX", "≤ .75", _auc("aisfx")),
    ("two-sample AUC, spectra", "≤ .75", _auc("spectra")),
    ("onset error, ms (median)", "≤ 1.2", _clip("onset_error_ms", "median")),
    ("hit peak error, dB (median)", "≤ 1.0", _clip("peak_error_db", "median")),
    ("2 ms envelope", "≥ .85", _clip("envelope_correlation")),
    ("level whole, dB", "±.3", _clip("level_db")),
    ("level per hit, dB (median)", "±.3", _clip("hit_level_db", "median")),
    ("level of single sounds, dB (median)", "±.3", _study("hits", "level_db")),
    ("ViSQOL", "≥ 3.8", _clip("visqol")),
    ("log-mel, dB", "≤ 2.7", _clip("log_mel_error_db")),
    ("centroid error, octaves", "≤ .2", _clip("centroid_error")),
    ("centroid shift, octaves", "", _clip("centroid_shift")),
    ("hiss over the original's band, dB (median)", "", _clip("hiss_db", "median")),
    ("above a band edge, dB (median)", "", _clip("above_edge_db", "median")),
    ("energy added below 25 Hz, %", "0", _clip("rumble_25_percent")),
    ("energy added below 40 Hz, %", "0", _clip("rumble_40_percent")),
    ("steady DC re RMS, dB (median)", "≤ −60", _clip("offset_db", "median")),
    ("decoded silence, dBFS", "≤ −100", lambda one: one.silence_dbfs),
    ("texture statistics, decoded over two takes", "", _study("textures", "ratio")),
    ("single sounds: rise over the original's", "within .2", _study("hits", "rise_ratio")),
    ("single sounds: fall over the original's", "within .2", _study("hits", "fall_ratio")),
    ("single sounds: earlier than 2 ms before, dB", "≤ −50", _study("hits", "early_db")),
    ("single sounds: in the 2 ms before, dB", "", _study("hits", "late_db")),
    ("single sounds: partials found", "", _study("tonality", "found")),
    ("single sounds: prominence error, dB", "", _study("tonality", "prominence_error_db")),
    ("bank: comb, textures, dB over originals", "≤ 1", _bank("metrics", "texture", "comb_db", "mean")),
    (
        "bank: wind's comb, share of all energy, dB",
        "",
        _bank("presets", "amb-wind", "metrics", "comb_share_db", "mean"),
    ),
    ("bank: Fréchet YAMNet", "", _bank("frechet", "yamnet")),
    ("bank: Fréchet aiSFX", "", _bank("frechet", "aisfx")),
    ("bank: two-sample AUC, YAMNet", "≤ .75", _bank("two_sample", "yamnet", "codec")),
    ("bank: two-sample AUC, aiSFX", "≤ .75", _bank("two_sample", "aisfx", "codec")),
    ("bank: two-sample AUC, spectra", "≤ .75", _bank("two_sample", "spectra", "codec")),
    ("bank: ringing, partials found", "", _bank("ringing", "found")),
    ("bank: ringing, prominence error, dB", "≤ 4", _bank("ringing", "prominence_error_db")),
    ("bank: ringing, frequency error, cents", "≤ 5", _bank("ringing", "cents_error")),
    ("bank: ringing, decay error, %", "≤ 15", _bank("ringing", "decay_error_percent")),
    ("bank: rise, gravel snow grass dirt, over originals'", "within .2", _of_steps("rise_ratio")),
    ("bank: fall, gravel snow grass dirt, over originals'", "within .2", _of_steps("fall_ratio")),
    ("bank: level per take, dB (median)", "±.3", _bank("hits", "level_db")),
    ("bank: texture level, dB", "±.3", _bank("metrics", "texture", "level_db", "mean")),
    ("bank: texture statistics, decoded over two takes", "", _bank("textures", "ratio")),
    ("bank: energy added below 25 Hz, hits, %", "0", _bank("metrics", "hit", "rumble_25_percent", "mean")),
    ("bank: steady DC of textures re RMS, dB", "≤ −60", _bank("metrics", "texture", "offset_db", "median")),
]
"""Title, what issue 17 asks, and where the number is."""


def judge_clips(
    material: Material, systems: dict[str, System], hops_samples: dict[str, int], rate_hz: int, with_visqol: bool
) -> dict[str, Judged]:
    """System → its numbers on dense clips and single sounds; and ``null``, the two-sample tests' own."""
    clips, embeddings = dense_clips(material.judged, rate_hz), installed_embeddings()[0]
    scores = score_clips(systems, hops_samples, clips, rate_hz, embeddings, with_visqol, lambda: None)
    found = studies(systems, clips, scores.decoded, single_hits(material.judged, rate_hz), rate_hz)
    result = {}
    for name in systems:
        rows = [row for row in scores.rows if row["system"] == name and is_texture(row["label"])]
        textures = {metric: described(rows, metric) for metric in scores.metrics[name] if rows and metric in rows[0]}
        apart = {hears: of[name] for hears, of in scores.two_sample.items()}
        result[name] = Judged(scores.metrics[name], textures, apart, found[name])
    result[NULL] = Judged({}, {}, {hears: of[NULL] for hears, of in scores.two_sample.items()}, {})
    return result


def table(judged: dict[str, Judged]) -> str:
    """The numbers as Markdown: a row a measure, a column a model."""
    lines = [["", "must", *judged], ["---"] * 2 + ["---:"] * len(judged)]
    for title, must, of in ROWS:
        values = [of(one) for one in judged.values()]
        if any(value is not None for value in values):
            lines.append([title, must, *map(_cell, values)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: float | list | None) -> str:
    return ", ".join(map(number, value)) if isinstance(value, list) else number(value)


def compare(
    corpus: Path, models: list[str], with_anchors: bool, with_visqol: bool, with_bank: bool, tell: Tell
) -> dict[str, Judged]:
    """Judge every model on the same sounds; model → :class:`Judged`, with anchors and the null beside.

    Raises:
        CheckpointError: a model cannot be used, or held out other sounds or has another rate than the first.
        AudioFileError: the corpus cannot be used.
        MissingExtraError: the ``evaluate`` extra is not installed.
    """
    codecs: dict[str, Codec] = {model: load_codec(model) for model in models}
    first, rate_hz = models[0], codecs[models[0]].spec.sample_rate
    for model, codec in codecs.items():
        if held_out_of(model) != held_out_of(first) or codec.spec.sample_rate != rate_hz:
            raise CheckpointError(f"{model}: held out other sounds, or has another sample rate, than {first}")
    tell("reading the corpus")
    material = read_material(corpus, rate_hz, held_out_of(first))
    systems = {model: there_and_back(codec) for model, codec in codecs.items()}
    hops = {model: codec.spec.hop_samples for model, codec in codecs.items()}
    if with_anchors:
        systems |= NOISE_ANCHORS
        hops |= dict.fromkeys(NOISE_ANCHORS, codecs[first].spec.hop_samples)
    tell("clips")
    judged = judge_clips(material, systems, hops, rate_hz, with_visqol)
    for model, codec in codecs.items():
        judged[model].silence_dbfs = silence_dbfs(codec)
        if with_bank:
            tell(f"the bank with {model}")
            judged[model].bank = judge_bank(list(judged_presets(corpus, codec)), codec, installed_embeddings()[0])
    if with_bank:
        judged[NULL].bank = {
            "two_sample": {name: {"codec": of[NULL]} for name, of in judged[first].bank["two_sample"].items()}
        }
    return judged


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="the Foley corpus")
    parser.add_argument("models", nargs="+", help="factory names or checkpoints")
    parser.add_argument("--anchors", action="store_true", help="noise through the true envelopes beside them")
    parser.add_argument("--visqol", action="store_true", help="the slow metric, too")
    parser.add_argument("--without-bank", action="store_true", help="clips and single sounds alone")
    parser.add_argument("--out", type=Path, help="write the table here, too")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        tell = lambda stage: print(stage, file=sys.stderr, flush=True)  # noqa: E731
        judged = compare(
            options.corpus, options.models, options.anchors, options.visqol, not options.without_bank, tell
        )
    except PisadaError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_status
    text = table(judged)
    print(text, end="")
    if options.out:
        with replaced_when_whole(options.out) as part:
            part.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
