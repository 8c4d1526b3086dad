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

LEAST_TRAINING = 2
"""Labels with fewer sounds are not used for training."""

TASKS: dict[str, tuple[Callable[[str], str], Callable[[str], bool]]] = {
    "materials": (group_of, is_material),
    "classes": (class_of, bool),
}
"""By task: the function that names a label in it, and the function that says which labels take part."""

TAKES = ", other takes"
"""Added to a task's name: the probe was trained on other takes of the same sources, not on other sources."""


def probe_study(
    training: list[Sound],
    evaluated: list[Sound],
    decoded: dict[str, list[np.ndarray]],
    rate_hz: int,
    yamnet: Embedding,
    step: Callable[[], None],
) -> tuple[dict, Probe | None]:
    """Test a probe for each task of :data:`TASKS`, trained on other sources and on other takes.

    A task with fewer than two labels to train on is left out, with a remark.

    Args:
        training: sounds to train on.
        evaluated: sounds to test with.
        decoded: by system, the evaluated sounds decoded.
        rate_hz: of all sounds.
        yamnet: the embedding.
        step: called once for every sound of ``training`` and ``evaluated``.

    Returns:
        The results by task, and a probe for mixtures of materials. It is trained on the evaluated originals, and for
        materials without any on ``training``; ``None`` if there are fewer than two materials.
    """

    def points_of(sounds: list[np.ndarray], step: Callable[[], None] = lambda: None) -> np.ndarray:
        rows = []
        for audio in sounds:
            rows.append(features(audio, rate_hz, yamnet))
            step()
        return np.stack(rows)

    training = [sound for sound in training if sound.audio.any()]
    results: dict = {}
    names = {task: taught_names([sound.label for sound in training], task) for task in TASKS}
    tested = {"original": points_of([sound.audio for sound in evaluated], step)}
    points = np.zeros((0, 0))
    if any(name is not None for taught in names.values() for name in taught):
        points = points_of([sound.audio for sound in training], step)
    tested |= {system: points_of(sounds) for system, sounds in decoded.items()}
    truths = {
        task: [name_of(sound.label) if takes_part(sound.label) else "" for sound in evaluated]
        for task, (name_of, takes_part) in TASKS.items()
    }
    for task, labels in truths.items():
        taught = [(index, name) for index, name in enumerate(names[task]) if name is not None]
        if len({name for _, name in taught}) < 2:
            results[task] = {"left_out": "the folder has no sounds of other sources with two labels to learn from"}
            continue
        probe = Probe(points[[index for index, _ in taught]], [name for _, name in taught])
        results[task] = {"lessons": len(taught)} | examine_probe(probe, tested, labels)
    for task, labels in truths.items():
        result = examine_takes(tested, labels)
        if result["n"]:
            results[f"{task}{TAKES}"] = result
    own_names, other_names = truths["materials"], names["materials"]
    others = [(index, name) for index, name in enumerate(other_names) if name and name not in own_names]
    own = [index for index, name in enumerate(own_names) if name]
    known = [*(own_names[index] for index in own), *(name for _, name in others)]
    if len(set(known)) < 2:
        return results, None
    joined = tested["original"][own]
    if others:
        joined = np.concatenate([joined, points[[index for index, _ in others]]])
    return results, Probe(joined, known)


def taught_names(labels: list[str], task: str) -> list[str | None]:
    """Return the name of each label in a task; ``None`` if it takes no part or has too few sounds."""
    name_of, takes_part = TASKS[task]
    names = [name_of(label) if takes_part(label) else None for label in labels]
    counts = Counter(names)
    return [name if counts[name] >= LEAST_TRAINING else None for name in names]
