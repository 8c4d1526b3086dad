"""One evaluation of one model: everything that ``metrics.json``, the report and the model card say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from plugin_backend.codec import Codec
from plugin_backend.codecs import PCM, checkpoint_path, load_codec
from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import AudioFileError, MissingExtraError
from plugin_backend.evaluation.cost import score_cost
from plugin_backend.evaluation.dense_clips import CLIP_S, CLIPS_PER_LABEL, GAP_S, DenseClip, class_of, dense_clips, group_of
from plugin_backend.evaluation.embeddings import EMBEDDINGS, Embedding, embed
from plugin_backend.evaluation.frechet import Cloud
from plugin_backend.evaluation.latents import interpolation, latent_map, prior_study
from plugin_backend.evaluation.material import Material, read_material
from plugin_backend.evaluation.materials import HITS, METHODS, MOST_MATERIALS, Materials, choose_hits, mixture_study, regeneration
from plugin_backend.evaluation.measure import CODEC, Scores, score_clips, systems
from plugin_backend.evaluation.probe import LEAST_SOUNDS, Probe, examine, features
from plugin_backend.evaluation.retrieval import score_retrieval

VERSION = 1
QUICK_CLIPS, QUICK_HITS, QUICK_MATERIALS, QUICK_LESSONS = 1, 2, 4, 8


@dataclass(frozen=True)
class Options:
    """What to spend: ``quick`` takes few clips, hits, materials and lessons, for a first look."""

    clips_per_label: int = CLIPS_PER_LABEL
    with_visqol: bool = True
    everything: bool = False
    quick: bool = False


@dataclass
class Evaluation:
    """``metrics`` as written to ``metrics.json``, and the sounds a report may play.

    Attributes:
        clips: what was judged.
        decoded: system → one sound per clip.
        mixtures: name → sound.
    """

    metrics: dict
    sample_rate: int
    clips: list[DenseClip]
    decoded: dict[str, list[np.ndarray]]
    mixtures: dict[str, np.ndarray] = field(default_factory=dict)


Tell = Callable[[str, int, int], None]
"""Called with what is being done, how many steps of it are done, and of how many."""


def silent(stage: str, done: int, total: int) -> None:
    """Tells nobody."""


class _Steps:
    """Counts steps of one stage to a :data:`Tell`."""

    def __init__(self, tell: Tell, stage: str, total: int):
        self.tell, self.stage, self.total, self.done = tell, stage, total, 0
        tell(stage, 0, total)

    def __call__(self) -> None:
        self.done += 1
        self.tell(self.stage, self.done, self.total)


def held_out_sources(model: str) -> frozenset[str]:
    """The sources a model's record says it was not trained on; none for the identity codec.

    Raises:
        CheckpointError: there is no such model.
    """
    if model == PCM:
        return frozenset()
    training = json.loads(checkpoint_path(model).with_suffix(".json").read_text(encoding="utf-8")).get("training", {})
    return frozenset(training.get("held_out_sources") or training.get("held_out_packages") or ())


def evaluate(model: str, folder: Path, options: Options = Options(), tell: Tell = silent) -> Evaluation:  # noqa: B008
    """Judge a model on the sounds of a folder.

    Args:
        model: a factory name or the path of a checkpoint.
        folder: see :func:`~plugin_backend.evaluation.material.read_folder`.

    Raises:
        CheckpointError: the model cannot be used.
        AudioFileError: the folder cannot be used, or all its sounds are silent.
        MissingExtraError: the ``evaluate`` extra is not installed.
    """
    codec = load_codec(model)
    rate_hz, held_out = codec.spec.sample_rate, held_out_sources(model)
    tell("reading", 0, 1)
    material = read_material(folder, rate_hz, held_out, options.everything)
    clips = dense_clips(material.judged, rate_hz, QUICK_CLIPS if options.quick else options.clips_per_label)
    if not clips:
        raise AudioFileError(f"{folder}: every sound is silent")
    embeddings, remarks = _embeddings()
    scores = score_clips(codec, clips, embeddings, options.with_visqol, _Steps(tell, "scoring", 4 * len(clips)))
    metrics = {
        "version": VERSION,
        "model": {"name": codec.spec.name, "fingerprint": codec.spec.fingerprint, "held_out": sorted(held_out)},
        "data": _data(material),
        "protocol": _protocol(codec, clips, options),
        "remarks": [*material.remarks, *remarks],
        "metrics": scores.metrics,
    }
    metrics |= scores.metrics[CODEC]
    decoded = _decode_singles(codec, material.judged, _Steps(tell, "single sounds", len(material.judged)))
    yamnet = embeddings[0]
    metrics["probe"], probe = _probe(material, decoded, rate_hz, yamnet, options.quick, tell)
    metrics["retrieval"] = score_retrieval(material.judged, decoded, rate_hz)
    metrics["latent_map"] = latent_map(codec, material.judged)
    sounds = _studies(metrics, codec, material, clips, embeddings, probe, options.quick, tell)
    metrics["cost"] = {"cpu_time_per_sound_time": score_cost(codec)}
    metrics["clips"], metrics["hits"] = scores.rows, scores.hits
    return Evaluation(metrics, rate_hz, clips, scores.decoded, sounds)


def _embeddings() -> tuple[list[Embedding], list[str]]:
    """Every embedding that is installed, YAMNet first, and a line for the optional one that is not."""
    found, remarks = [EMBEDDINGS["yamnet"]()], []
    try:
        found.append(EMBEDDINGS["aisfx"]())
    except MissingExtraError as problem:
        remarks.append(f"left out: {problem}")
    return found, remarks


def _data(material: Material) -> dict:
    sources, labels = ({getattr(sound, name) for sound in material.judged} for name in ("source", "label"))
    return {
        "judged": "held-out sources" if material.unseen else "everything",
        "unseen_in_training": material.unseen,
        "files": len(material.judged),
        "sources": sorted(sources),
        "labels": sorted(labels),
        "lesson_files": len(material.lessons),
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
    """System → every judged sound by itself, there and back."""
    decoded: dict[str, list[np.ndarray]] = {name: [] for name in systems(codec)}
    for sound in sounds:
        for name, system in systems(codec).items():
            decoded[name].append(system(sound.audio, codec.spec.sample_rate))
        step()
    return decoded


def _probe(material: Material, decoded: dict, rate_hz: int, yamnet: Embedding, quick: bool, tell: Tell):
    """The probe's examination on materials and on classes, and the material probe; ``None`` without lessons."""
    lessons = [sound for sound in material.lessons if np.abs(sound.audio).max(initial=0.0) > 0]
    if quick:
        taken: dict[str, int] = {}
        few = []
        for sound in lessons:
            taken[sound.label] = taken.get(sound.label, 0) + 1
            few += [sound] if taken[sound.label] <= QUICK_LESSONS else []
        lessons = few
    if len({class_of(sound.label) for sound in lessons}) < 2:
        return {"left_out": "no sounds of other sources, with two labels at least, to learn from"}, None
    step = _Steps(tell, "probe", len(lessons) + len(material.judged))

    def heard(audio: np.ndarray) -> np.ndarray:
        return features(audio, rate_hz, yamnet)

    def stepped(audio: np.ndarray) -> np.ndarray:
        step()
        return heard(audio)

    learned = np.stack([stepped(sound.audio) for sound in lessons])
    asked = {"original": np.stack([stepped(sound.audio) for sound in material.judged])}
    asked |= {name: np.stack([heard(audio) for audio in sounds]) for name, sounds in decoded.items()}
    result, material_probe = {}, None
    for task, name_of, wanted in (("materials", group_of, _is_material), ("classes", class_of, lambda label: True)):
        taught = [index for index, sound in enumerate(lessons) if wanted(sound.label)]
        names = [name_of(lessons[index].label) for index in taught]
        taught = [index for index, name in zip(taught, names, strict=True) if names.count(name) >= LEAST_SOUNDS]
        names = [name for name in names if names.count(name) >= LEAST_SOUNDS]
        if len(set(names)) < 2:
            continue
        probe = Probe(learned[taught], names)
        labels = [name_of(sound.label) if wanted(sound.label) else "" for sound in material.judged]
        result[task] = examine(probe, asked, labels) | {"lessons": len(taught)}
        material_probe = probe if task == "materials" else material_probe
    return result, material_probe


def _is_material(label: str) -> bool:
    return class_of(label) in ("footsteps", "cloth") and label != "footsteps/generic"


def _studies(metrics, codec, material, clips, embeddings, probe, quick: bool, tell: Tell) -> dict[str, np.ndarray]:
    """Enter materials, mixtures, interpolation and prior into ``metrics``; answers mixtures to listen to."""
    rate_hz = codec.spec.sample_rate
    most, hits = (QUICK_MATERIALS, QUICK_HITS) if quick else (MOST_MATERIALS, HITS)
    materials = Materials(codec, choose_hits(material, rate_hz, most, hits), embeddings)
    originals = {name: materials.clouds(materials.audio[name]) for name in materials.names}
    clip_audio = [clip.audio for clip in clips]
    corpus = {by.name: Cloud.of(np.concatenate(embed(clip_audio, rate_hz, by))) for by in embeddings}
    pairs = materials.pairs()
    metrics["materials"] = {"names": materials.names, "origin": materials.origin} | {
        "regeneration": {"frechet": regeneration(materials, originals)}
    }
    metrics["mixtures"] = mixture_study(materials, originals, probe, _Steps(tell, "mixtures", len(pairs)))
    steps = _Steps(tell, "interpolation", 2 * len(materials.names))
    metrics["interpolation"] = interpolation(materials, originals, corpus, steps) if pairs else {"pairs": []}
    metrics["prior"] = prior_study(codec, material.judged, corpus, embeddings)
    return _listening_pairs(materials)


def _listening_pairs(materials: Materials) -> dict[str, np.ndarray]:
    """For the pair with cloth and dirt (else the first pair), both sounds and each method's mixture."""
    pairs = sorted(materials.pairs(), key=lambda pair: -len({"cloth", "footsteps/dirt"} & set(pair)))
    if not pairs:
        return {}
    pair = pairs[0]
    latents = {name: materials.latents[name][:1] for name in pair}
    mixed = {f"{pair[0]} + {pair[1]}, {method}": mix(list(latents.values()), materials.codec) for method, mix in METHODS.items()}
    return {name: materials.codec.decode(z)[0] for name, z in (latents | mixed).items()}
