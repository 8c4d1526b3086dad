"""Teach the probe on some sources' sounds, and ask it about others: original, decoded and damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from plugin_backend.corpus.sound import Sound
from plugin_backend.evaluation.dense_clips import class_of, group_of
from plugin_backend.evaluation.embeddings import Embedding
from plugin_backend.evaluation.materials import is_material
from plugin_backend.evaluation.probe import Probe, examine, features

LEAST_LESSONS = 2
"""A label with fewer sounds is not taught."""

TASKS: dict[str, tuple[Callable[[str], str], Callable[[str], bool]]] = {
    "materials": (group_of, is_material),
    "classes": (class_of, bool),
}
"""Task → what a label is called in it, and which labels take part."""


def probe_study(
    lessons: list[Sound],
    judged: list[Sound],
    decoded: dict[str, list[np.ndarray]],
    rate_hz: int,
    yamnet: Embedding,
    step: Callable[[], None],
) -> tuple[dict, Probe | None]:
    """Examine a probe for each task of :data:`TASKS`; answers the results and the probe for materials.

    A task with fewer than two labels to teach is left out, and said so. ``step`` is called once for every
    lesson and judged sound.
    """

    def heard(sounds: list[np.ndarray], step: Callable[[], None] = lambda: None) -> np.ndarray:
        points = []
        for audio in sounds:
            points.append(features(audio, rate_hz, yamnet))
            step()
        return np.stack(points)

    lessons = [sound for sound in lessons if sound.audio.any()]
    results: dict = {}
    probes: dict[str, Probe] = {}
    names = {task: taught_names([sound.label for sound in lessons], task) for task in TASKS}
    asked = {"original": heard([sound.audio for sound in judged], step)}
    if any(len(set(taught) - {None}) > 1 for taught in names.values()):
        learned = heard([sound.audio for sound in lessons], step)
        asked |= {system: heard(sounds) for system, sounds in decoded.items()}
    for task, (name_of, takes_part) in TASKS.items():
        taught = [index for index, name in enumerate(names[task]) if name is not None]
        if len({names[task][index] for index in taught}) < 2:
            results[task] = {"left_out": "the folder has no sounds of other sources with two labels to learn from"}
            continue
        probes[task] = Probe(learned[taught], [names[task][index] for index in taught])
        labels = [name_of(sound.label) if takes_part(sound.label) else "" for sound in judged]
        results[task] = {"lessons": len(taught)} | examine(probes[task], asked, labels)
    return results, probes.get("materials")


def taught_names(labels: list[str], task: str) -> list[str | None]:
    """For each label its name in a task; ``None`` where it takes no part or has too few sounds."""
    name_of, takes_part = TASKS[task]
    names = [name_of(label) if takes_part(label) else None for label in labels]
    counts = Counter(names)
    return [name if counts[name] >= LEAST_LESSONS else None for name in names]
