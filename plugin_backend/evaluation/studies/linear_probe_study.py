"""Teach the probe on some sources' sounds, and ask it about others: original, decoded and damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from plugin_backend.corpus.sound import Sound
from plugin_backend.evaluation.data.dense_clips import class_of, group_of
from plugin_backend.evaluation.embeddings.base import Embedding
from plugin_backend.evaluation.studies.linear_probe import Probe, examine_probe, examine_takes, features
from plugin_backend.evaluation.studies.surface_materials import is_material

LEAST_LESSONS = 2
"""A label with fewer sounds is not taught."""

TASKS: dict[str, tuple[Callable[[str], str], Callable[[str], bool]]] = {
    "materials": (group_of, is_material),
    "classes": (class_of, bool),
}
"""Task → what a label is called in it, and which labels take part."""

TAKES = ", other takes"
"""After a task's name: taught by other takes of the judged sources, not by other sources."""


def probe_study(
    lessons: list[Sound],
    judged: list[Sound],
    decoded: dict[str, list[np.ndarray]],
    rate_hz: int,
    yamnet: Embedding,
    step: Callable[[], None],
) -> tuple[dict, Probe | None]:
    """Examine a probe for each task of :data:`TASKS`, taught by other sources and by other takes.

    A task with fewer than two labels to teach is left out, and said so. ``step`` is called once for every
    lesson and judged sound.

    Returns:
        The results by task, and a probe to ask about mixtures of materials: it knows the judged originals, and of
        materials without any the lessons; ``None`` if that is fewer than two materials.
    """

    def heard(sounds: list[np.ndarray], step: Callable[[], None] = lambda: None) -> np.ndarray:
        points = []
        for audio in sounds:
            points.append(features(audio, rate_hz, yamnet))
            step()
        return np.stack(points)

    lessons = [sound for sound in lessons if sound.audio.any()]
    results: dict = {}
    names = {task: taught_names([sound.label for sound in lessons], task) for task in TASKS}
    asked = {"original": heard([sound.audio for sound in judged], step)}
    if any(name is not None for taught in names.values() for name in taught):
        learned = heard([sound.audio for sound in lessons], step)
    asked |= {system: heard(sounds) for system, sounds in decoded.items()}
    truths = {
        task: [name_of(sound.label) if takes_part(sound.label) else "" for sound in judged]
        for task, (name_of, takes_part) in TASKS.items()
    }
    for task, labels in truths.items():
        taught = [index for index, name in enumerate(names[task]) if name is not None]
        if len({names[task][index] for index in taught}) < 2:
            results[task] = {"left_out": "the folder has no sounds of other sources with two labels to learn from"}
            continue
        probe = Probe(learned[taught], [names[task][index] for index in taught])
        results[task] = {"lessons": len(taught)} | examine_probe(probe, asked, labels)
    for task, labels in truths.items():
        found = examine_takes(asked, labels)
        if found["n"]:
            results[f"{task}{TAKES}"] = found
    judged_names, lesson_names = truths["materials"], names["materials"]
    borrowed = [index for index, name in enumerate(lesson_names) if name and name not in judged_names]
    own = [index for index, name in enumerate(judged_names) if name]
    known = [*(judged_names[index] for index in own), *(lesson_names[index] for index in borrowed)]
    if len(set(known)) < 2:
        return results, None
    points = asked["original"][own]
    return results, Probe(np.concatenate([points, learned[borrowed]]) if borrowed else points, known)


def taught_names(labels: list[str], task: str) -> list[str | None]:
    """For each label its name in a task; ``None`` where it takes no part or has too few sounds."""
    name_of, takes_part = TASKS[task]
    names = [name_of(label) if takes_part(label) else None for label in labels]
    counts = Counter(names)
    return [name if counts[name] >= LEAST_LESSONS else None for name in names]
