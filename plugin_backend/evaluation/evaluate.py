"""Evaluate one model: all contents of ``metrics.json``, the report and the model card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.corpus.scan import escape_name
from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import CheckpointError, MissingExtraError
from plugin_backend.evaluation.data.dense_clips import (
    CLIP_S,
    CLIPS_PER_LABEL,
    GAP_S,
    DenseClip,
    dense_clips,
    joined,
)
from plugin_backend.evaluation.data.evaluation_set import EvaluationSet, held_out_of, read_evaluation_set
from plugin_backend.evaluation.embeddings.base import EMBEDDINGS, Embedding, embed
from plugin_backend.evaluation.metrics.artefacts import silence_dbfs
from plugin_backend.evaluation.metrics.cpu_cost import score_cost
from plugin_backend.evaluation.metrics.frechet import Cloud
from plugin_backend.evaluation.metrics.retrieval import score_retrieval
from plugin_backend.evaluation.metrics.score_clips import (
    CODEC,
    START,
    Scores,
    System,
    reconstruct,
    score_clips,
    systems,
)
from plugin_backend.evaluation.metrics.sound_pairs import single_hits, studies
from plugin_backend.evaluation.report.sound_table import sound_scores
from plugin_backend.evaluation.studies.latent_space import PATHS, interpolation, latent_map, prior_study
from plugin_backend.evaluation.studies.linear_probe import Probe
from plugin_backend.evaluation.studies.linear_probe_study import probe_study
from plugin_backend.evaluation.studies.surface_materials import (
    HITS,
    METHODS,
    MOST_MATERIALS,
    Materials,
    choose_hits,
    mixture_study,
    regeneration,
)
from plugin_backend.models.registry import describe_codec, load_codec, read_training

VERSION = 2
QUICK_CLIPS, QUICK_HITS, QUICK_MATERIALS, QUICK_TRAINING = 1, 2, 4, 8


@dataclass(frozen=True)
class Options:
    """How much to measure: ``quick`` takes few clips, hits, materials and probe sounds, for a first look."""

    clips_per_label: int = CLIPS_PER_LABEL
    with_visqol: bool = True
    everything: bool = False
    quick: bool = False


@dataclass
class Evaluation:
    """The results of an evaluation.

    Attributes:
        metrics: as written to ``metrics.json``.
        sample_rate: in Hz.
        clips: the clips that were scored.
        decoded: by system, one sound per clip.
        mixtures: sounds by name, for listening.
    """

    metrics: dict
    sample_rate: int
    clips: list[DenseClip]
    decoded: dict[str, list[np.ndarray]]
    mixtures: dict[str, np.ndarray] = field(default_factory=dict)


Report = Callable[[str, int, int], None]
"""Called with the current stage, the number of its steps that are done, and their total."""


def silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""


class _Steps:
    """Counts the steps of one stage and reports them."""

    def __init__(self, report: Report, stage: str, total: int):
        self.report, self.stage, self.total, self.done = report, stage, total, 0
        report(stage, 0, total)

    def __call__(self) -> None:
        self.done += 1
        self.report(self.stage, self.done, self.total)


def evaluate(model: str, folder: Path, options: Options = Options(), report: Report = silent) -> Evaluation:  # noqa: B008
    """Evaluate a model on the sounds of a folder.

    Args:
        model: a factory name or the path of a checkpoint.
        folder: see :func:`~plugin_backend.evaluation.data.read_folder.read_folder`.
        options: how much to measure.
        report: called at each step.

    Raises:
        CheckpointError: the model cannot be used.
        AudioFileError: the folder cannot be used.
        MissingExtraError: the ``evaluate`` extra is not installed.
    """
    rate_hz, held_out = describe_codec(model).sample_rate, held_out_of(model)
    report("reading", 0, 1)
    material = read_evaluation_set(folder, rate_hz, held_out, options.everything)
    report("reading", 1, 1)
    codec = load_codec(model)
    clips = dense_clips(material.evaluated, rate_hz, QUICK_CLIPS if options.quick else options.clips_per_label)
    embeddings, remarks = installed_embeddings()
    started_from, start = _start_of(model, rate_hz)
    all_systems = systems(codec) | ({START: reconstruct(start)} if start is not None else {})
    step = _Steps(report, "scoring", len(all_systems) * len(clips))
    hops = dict.fromkeys(all_systems, codec.spec.hop_samples)
    if start is not None:
        hops[START] = start.spec.hop_samples
    scores = score_clips(all_systems, hops, clips, rate_hz, embeddings, options.with_visqol, step)
    metrics: dict[str, Any] = {
        "version": VERSION,
        "model": {
            "name": codec.spec.name,
            "fingerprint": codec.spec.fingerprint,
            "held_out": sorted(map(escape_name, held_out.sources)),
            "started_from": started_from,
        },
        "data": _data(material),
        "protocol": _protocol(codec, clips, options) | {"systems": list(all_systems)},
        "remarks": [*material.remarks, *remarks],
        "metrics": scores.metrics,
        "sound": _sound(all_systems, scores, clips, material, rate_hz, report),
    }
    metrics["sound"][CODEC]["silence_dbfs"] = silence_dbfs(codec)
    metrics |= scores.metrics[CODEC]
    decoded = _decode_singles(codec, material.evaluated, _Steps(report, "single sounds", len(material.evaluated)))
    training = _first_of_each(material.training, QUICK_TRAINING) if options.quick else material.training
    step = _Steps(report, "probe", len(training) + len(material.evaluated))
    metrics["probe"], probe = probe_study(training, material.evaluated, decoded, rate_hz, embeddings[0], step)
    metrics["retrieval"] = score_retrieval(material.evaluated, decoded, rate_hz)
    metrics["latent_map"] = latent_map(codec, material.evaluated)
    sounds = _studies(metrics, _StudyInput(codec, material, clips, embeddings, probe, options.quick), report)
    metrics["cost"] = {"cpu_time_per_sound_time": score_cost(codec)}
    metrics["clips"] = scores.rows
    return Evaluation(metrics, rate_hz, clips, scores.decoded, sounds)


def _start_of(model: str, rate_hz: int) -> tuple[str | None, Codec | None]:
    """Return the name of the model from which training started, and its codec if it exists and has this rate."""
    settings = read_training(model).get("settings")
    start = settings.get("start") if isinstance(settings, dict) else None
    if not isinstance(start, str) or start == "scratch":
        return None, None
    name = escape_name(Path(start).stem)
    try:
        return name, load_codec(start) if describe_codec(start).sample_rate == rate_hz else None
    except CheckpointError:
        return name, None


def installed_embeddings() -> tuple[list[Embedding], list[str]]:
    """Return the installed embeddings, YAMNet first, and a remark on an optional one that is not installed."""
    found: list[Embedding] = [EMBEDDINGS["yamnet"]()]
    remarks: list[str] = []
    try:
        found.append(EMBEDDINGS["aisfx"]())
    except MissingExtraError as problem:
        remarks.append(f"left out: {problem}")
    return found, remarks


def _sound(
    systems: dict[str, System],
    scores: Scores,
    clips: list[DenseClip],
    material: EvaluationSet,
    rate_hz: int,
    report: Report,
) -> dict[str, dict]:
    """Return artefacts, two-sample tests and studies by system; single partials only for the codec."""
    singles = single_hits(material.evaluated, rate_hz)
    found = studies(systems, clips, scores.decoded, singles, rate_hz, _Steps(report, "hits and partials", len(systems)))
    for name in systems:
        if name != CODEC:
            del found[name]["tonality"]["rows"]
    return sound_scores(scores, found)


def _data(material: EvaluationSet) -> dict:
    sources, labels = ({getattr(sound, name) for sound in material.evaluated} for name in ("source", "label"))
    return {
        "judged": "held out from training" if material.is_held_out else "everything",
        "unseen_in_training": material.is_held_out,
        "files": len(material.evaluated),
        "sources": sorted(sources),
        "labels": sorted(labels),
        "lesson_files": len(material.training),
    }


def _protocol(codec: Codec, clips: list[DenseClip], options: Options) -> dict:
    return {
        "clips": len(clips),
        "clip_s": CLIP_S,
        "gap_s": GAP_S,
        "clips_per_label": QUICK_CLIPS if options.quick else options.clips_per_label,
        "quick": options.quick,
        "visqol": options.with_visqol,
        "sample_rate_hz": codec.spec.sample_rate,
        "systems": list(systems(codec)),
    }


def _decode_singles(codec: Codec, sounds: list[Sound], step: Callable[[], None]) -> dict[str, list[np.ndarray]]:
    """Return for each system the sounds decoded one by one."""
    decoded: dict[str, list[np.ndarray]] = {name: [] for name in systems(codec)}
    for sound in sounds:
        for name, system in systems(codec).items():
            decoded[name].append(system(sound.audio, codec.spec.sample_rate))
        step()
    return decoded


def _first_of_each(sounds: list[Sound], most: int) -> list[Sound]:
    """Return the first ``most`` sounds of every label."""
    taken: Counter[str] = Counter()
    chosen = []
    for sound in sounds:
        taken[sound.label] += 1
        chosen += [sound] if taken[sound.label] <= most else []
    return chosen


@dataclass(frozen=True)
class _StudyInput:
    """The input of the studies of materials and latents."""

    codec: Codec
    material: EvaluationSet
    clips: list[DenseClip]
    embeddings: list[Embedding]
    probe: Probe | None
    quick: bool


def _studies(metrics: dict, given: _StudyInput, report: Report) -> dict[str, np.ndarray]:
    """Add materials, mixtures, interpolation and prior to ``metrics``; return mixtures for listening."""
    codec, material, rate_hz = given.codec, given.material, given.codec.spec.sample_rate
    most, hits = (QUICK_MATERIALS, QUICK_HITS) if given.quick else (MOST_MATERIALS, HITS)
    embeddings = given.embeddings[:1] if given.quick else given.embeddings
    report("materials", 0, 1)
    materials = Materials(codec, choose_hits(material, rate_hz, most, hits), embeddings)
    corpus = {
        by.name: Cloud.of(np.concatenate(embed([c.audio for c in given.clips], rate_hz, by))) for by in embeddings
    }
    report("materials", 1, 1)
    metrics["materials"] = {
        "names": materials.names,
        "origin": materials.origin,
        "regeneration": regeneration(materials),
    }
    metrics["mixtures"] = mixture_study(materials, given.probe, _Steps(report, "mixtures", len(materials.pairs())))
    metrics["interpolation"] = interpolation(materials, corpus, _Steps(report, "interpolation", len(PATHS)))
    metrics["prior"] = prior_study(codec, material.evaluated, corpus, embeddings)
    return _listening_pair(materials)


def _listening_pair(materials: Materials) -> dict[str, np.ndarray]:
    """Return the sounds and all mixtures of cloth and dirt, or of the most similar pair, decoded."""
    pairs = sorted(materials.pairs(), key=lambda pair: -len({"cloth", "footsteps/dirt"} & set(pair)))
    if not pairs:
        return {}
    latents = {name: materials.latents[name] for name in pairs[0]}
    title = " + ".join(pairs[0])
    mixed = {f"{title}, {method}": mix(list(latents.values()), materials.codec) for method, mix in METHODS.items()}
    rate_hz = materials.codec.spec.sample_rate
    return {name: joined(hits, rate_hz)[0] for name, z in (latents | mixed).items() if (hits := materials.decoded(z))}
