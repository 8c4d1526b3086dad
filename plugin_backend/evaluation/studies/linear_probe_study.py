"""Train the probe on some sources' sounds and test it on others: original, decoded and damaged."""

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
"""Labels with fewer sounds are not used for training."""

TASKS: dict[str, tuple[Callable[[str], str], Callable[[str], bool]]] = {
    "materials": (group_of, is_material),
    "classes": (class_of, bool),
}
"""By task: the function that names a label in it, and the function that says which labels take part."""

TAKES = ", other takes"
"""Added to a task's name: the probe was trained on other takes of the same sources, not on other sources."""


def probe_study(
    lessons: list[Sound],
    judged: list[Sound],
    decoded: dict[str, list[np.ndarray]],
    rate_hz: int,
    yamnet: Embedding,
    step: Callable[[], None],
) -> tuple[dict, Probe | None]:
    """Test a probe for each task of :data:`TASKS`, trained on other sources and on other takes.

    A task with fewer than two labels to train on is left out, with a remark.

    Args:
        lessons: sounds to train on.
        judged: the evaluated sounds.
        decoded: by system, the evaluated sounds decoded.
        rate_hz: of all sounds.
        yamnet: the embedding.
        step: called once for every sound of ``lessons`` and ``judged``.

    Returns:
        The results by task, and a probe for mixtures of materials. It is trained on the evaluated originals, and for
        materials without any on ``lessons``; ``None`` if there are fewer than two materials.
    """

    def points_of(sounds: list[np.ndarray], step: Callable[[], None] = lambda: None) -> np.ndarray:
        points = []
        for audio in sounds:
            points.append(features(audio, rate_hz, yamnet))
            step()
        return np.stack(points)

    lessons = [sound for sound in lessons if sound.audio.any()]
    results: dict = {}
    names = {task: taught_names([sound.label for sound in lessons], task) for task in TASKS}
    tested = {"original": points_of([sound.audio for sound in judged], step)}
    training = np.zeros((0, 0))
    if any(name is not None for taught in names.values() for name in taught):
        training = points_of([sound.audio for sound in lessons], step)
    tested |= {system: points_of(sounds) for system, sounds in decoded.items()}
    truths = {
        task: [name_of(sound.label) if takes_part(sound.label) else "" for sound in judged]
        for task, (name_of, takes_part) in TASKS.items()
    }
    for task, labels in truths.items():
        taught = [(index, name) for index, name in enumerate(names[task]) if name is not None]
        if len({name for _, name in taught}) < 2:
            results[task] = {"left_out": "the folder has no sounds of other sources with two labels to learn from"}
            continue
        probe = Probe(training[[index for index, _ in taught]], [name for _, name in taught])
        results[task] = {"lessons": len(taught)} | examine_probe(probe, tested, labels)
    for task, labels in truths.items():
        result = examine_takes(tested, labels)
        if result["n"]:
            results[f"{task}{TAKES}"] = result
    judged_names, lesson_names = truths["materials"], names["materials"]
    others = [(index, name) for index, name in enumerate(lesson_names) if name and name not in judged_names]
    own = [index for index, name in enumerate(judged_names) if name]
    known = [*(judged_names[index] for index in own), *(name for _, name in others)]
    if len(set(known)) < 2:
        return results, None
    points = tested["original"][own]
    if others:
        points = np.concatenate([points, training[[index for index, _ in others]]])
    return results, Probe(points, known)


def taught_names(labels: list[str], task: str) -> list[str | None]:
    """Return the name of each label in a task; ``None`` if it takes no part or has too few sounds."""
    name_of, takes_part = TASKS[task]
    names = [name_of(label) if takes_part(label) else None for label in labels]
    counts = Counter(names)
    return [name if counts[name] >= LEAST_LESSONS else None for name in names]
