"""The vectors of many sounds on disk. What has not changed since is not computed again.

A file ``*.sounds.safetensors`` holds the vectors, the graph of neighbours, and a header as versioned JSON: the space,
and the name and stamp of each sound. A stamp changes when the sound does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from plugin_backend.errors import ProjectError
from plugin_backend.output_files import disk_error, write_atomically
from plugin_backend.text import in_one_line
from presets.find.neighbour_graph import build_graph, open_graph, search_graph
from presets.find.ranking import COSINE, nearest, scores

SUFFIX, KEY, SCHEMA = ".sounds.safetensors", "pisada_sounds", 1
LEAST_SOUNDS = 5000
"""Number of sounds from which the graph is used. It is slower than comparing all of fewer."""
LENGTH_ERROR = 1e-3


class Header(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Everything in the file except vectors and graph.

    Attributes:
        schema: version of the format.
        space: see :class:`~plugin_backend.evaluation.joint_spaces.base.JointSpace`.
        names: of the sounds, in the order of the vectors.
        stamps: of the sounds.
    """

    schema: int
    space: str
    names: list[str]
    stamps: list[str]


@dataclass(frozen=True, eq=False)
class SoundIndex:
    """The vectors of sounds.

    Attributes:
        space: of the vectors.
        names: of the sounds.
        stamps: of the sounds; one changes when its sound changes.
        vectors: ``[n, dims]`` float32 of length 1.
        graph_bytes: graph of the vectors, empty if they are few.
    """

    space: str
    names: list[str]
    stamps: list[str]
    vectors: np.ndarray
    graph_bytes: bytes = field(default=b"", repr=False)

    @cached_property
    def _graph(self) -> Any:
        return open_graph(self.graph_bytes, self.vectors)

    def search(self, questions: np.ndarray, count: int, distance: str = COSINE) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest sounds of each question.

        With a graph, the candidates come from it, and their order from the exact distance.

        Args:
            questions: ``[questions, dims]`` of length 1.
            count: number of sounds for each.
            distance: one of :data:`presets.find.ranking.DISTANCES`. Both give the same order, as all lengths are 1.

        Returns:
            Indices ``[questions, count]``, nearest first, and their scores. There are fewer columns if there are fewer
            sounds.
        """
        count = min(count, len(self.names))
        if not self.graph_bytes:
            table = scores(questions, self.vectors, distance)
            best = nearest(table, count)
            return best, np.take_along_axis(table, best, axis=1)
        found = np.sort(search_graph(self._graph, np.asarray(questions, np.float32), count), axis=1)
        rows = [scores(one[None], self.vectors[each], distance) for one, each in zip(questions, found, strict=True)]
        table = np.concatenate(rows)
        best = nearest(table, count)
        return np.take_along_axis(found, best, axis=1), np.take_along_axis(table, best, axis=1)


def update_index(
    old: SoundIndex | None,
    space: str,
    sounds: Sequence[tuple[str, str]],
    embed: Callable[[list[str]], list[np.ndarray | None]],
) -> SoundIndex:
    """Return the index of sounds. Vectors of sounds that are in the old index with the same stamp are kept.

    Args:
        old: the index before, if there is one. It counts only if its space is the same.
        space: name of the space.
        sounds: name and stamp of each.
        embed: names of sounds → vectors ``[dims]`` of length 1; a sound with ``None`` is left out.
    """
    vectors: dict[tuple[str, str], np.ndarray] = {}
    if old is not None and old.space == space:
        vectors = dict(zip(zip(old.names, old.stamps, strict=True), old.vectors, strict=True))
    new = [sound for sound in sounds if sound not in vectors]
    for sound, vector in zip(new, embed([name for name, _ in new]) if new else [], strict=True):
        if vector is not None:
            vectors[sound] = vector
    kept = [sound for sound in sounds if sound in vectors]
    if old is not None and old.space == space and kept == list(zip(old.names, old.stamps, strict=True)):
        return old
    table = np.array([vectors[sound] for sound in kept], np.float32) if kept else np.zeros((0, 1), np.float32)
    graph = build_graph(table) if len(table) >= LEAST_SOUNDS else b""
    return SoundIndex(space, [name for name, _ in kept], [stamp for _, stamp in kept], table, graph)


def save_index(index: SoundIndex, path: Path) -> None:
    """Write an index, whole or not at all. Its folder is made if it is absent.

    Raises:
        OutputError: the file cannot be written.
        DiskFullError: the disk is full.
    """
    header = msgspec.to_builtins(Header(SCHEMA, index.space, index.names, index.stamps))
    tensors = {"vectors": index.vectors, "graph": np.frombuffer(index.graph_bytes, np.uint8)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path, durable=False) as temporary:
            temporary.write_bytes(save(tensors, metadata={KEY: json.dumps(header)}))
    except OSError as problem:
        raise disk_error(problem, path.parent) from problem


def load_index(path: Path) -> SoundIndex:
    """Read an index. Nothing in the file is trusted.

    Raises:
        ProjectError: the file is missing, damaged or of another version; it says what to do.
    """
    try:
        data = path.read_bytes()
        tensors = load(data)
        raw = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        header = msgspec.convert(json.loads((raw.get("__metadata__") or {}).get(KEY, "null")), Header)
        if header.schema != SCHEMA:
            raise ValueError(f"version {header.schema}; this Pisada reads version {SCHEMA}")
        index = SoundIndex(
            header.space, header.names, header.stamps, tensors["vectors"], tensors["graph"].astype(np.uint8).tobytes()
        )
        _check(index)
    except OSError as problem:
        raise ProjectError(f"{path}: cannot be read ({problem.strerror})") from problem
    except (SafetensorError, ValueError, KeyError, RecursionError, msgspec.ValidationError) as problem:
        raise ProjectError(f"{path}: not a usable index of sounds ({in_one_line(problem)}); remove it") from problem
    return index


def _check(index: SoundIndex) -> None:
    vectors = index.vectors
    if vectors.dtype != np.float32 or vectors.ndim != 2 or not vectors.shape[1]:
        raise ValueError("its vectors are not rows of 32-bit floats")
    if not len(vectors) == len(index.names) == len(index.stamps) == len(set(index.names)):
        raise ValueError(f"{len(vectors)} vectors for {len(index.names)} sounds")
    if len(vectors) and not (np.abs(np.linalg.norm(vectors, axis=1) - 1) < LENGTH_ERROR).all():
        raise ValueError("its vectors do not all have length 1")
    if index.graph_bytes:
        _ = index._graph
