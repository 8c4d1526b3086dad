"""A graph of nearest neighbours (HNSW, Malkov & Yashunin 2016) in bytes that are checked before they are used.

The library ``hnswlib`` reads its files without any check: a damaged one makes it read outside its memory. So every
number of the bytes is checked here first. The layout is that of ``HierarchicalNSW::saveIndex`` of hnswlib 0.8.
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from plugin_backend.errors import MissingExtraError

LINKS, CONSTRUCTION, SEARCH, SEED = 24, 200, 400, 1
"""Links of a node, candidates while building and while searching (these give the recall), seed of the levels."""
HEADER = struct.Struct("<6QiI3QdQ")
"""Offset of level 0, most nodes, nodes, bytes of a node, offset of its label, offset of its vector, highest level,
first node, most links above level 0, most links on it, links asked for, 1 / ln(links), candidates while building."""
NEEDED_FOR = "searching many sounds"


def build_graph(vectors: np.ndarray) -> bytes:
    """Return the graph of vectors ``[n, dims]`` float32. Equal vectors give equal bytes.

    Raises:
        MissingExtraError: ``hnswlib`` is not installed.
    """
    graph = _library().Index(space="l2", dim=vectors.shape[1])
    graph.init_index(max_elements=len(vectors), M=LINKS, ef_construction=CONSTRUCTION, random_seed=SEED)
    graph.add_items(vectors, np.arange(len(vectors)), num_threads=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph"
        graph.save_index(str(path))
        return path.read_bytes()


def open_graph(data: bytes, vectors: np.ndarray) -> Any:
    """Return the ``hnswlib.Index`` of the bytes that :func:`build_graph` made.

    Args:
        data: the bytes; nothing of them is trusted.
        vectors: ``[n, dims]`` float32 that the graph must be of.

    Raises:
        ValueError: the bytes are not a graph of these vectors.
        MissingExtraError: ``hnswlib`` is not installed.
    """
    check_graph(data, vectors)
    graph = _library().Index(space="l2", dim=vectors.shape[1])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph"
        path.write_bytes(data)
        graph.load_index(str(path))
    graph.set_num_threads(1)
    return graph


def search_graph(graph: Any, questions: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of the nearest vectors of each question, nearest first, ``[questions, count]``."""
    graph.set_ef(max(SEARCH, 2 * count))
    return graph.knn_query(questions, k=count, num_threads=1)[0].astype(np.int64)


def check_graph(data: bytes, vectors: np.ndarray) -> None:
    """Check every number of a graph's bytes.

    Args:
        data: the bytes.
        vectors: that the graph must be of, ``[n, dims]`` float32.

    Raises:
        ValueError: they cannot be a graph of these vectors.
    """
    count, dims = vectors.shape
    links_bytes, upper_bytes = 4 + 8 * LINKS, 4 + 4 * LINKS
    node_bytes = links_bytes + 4 * dims + 8
    if len(data) < HEADER.size + count * node_bytes:
        raise ValueError("the graph is cut short")
    *sizes, highest, first, upper, lower, links, scale, building = HEADER.unpack_from(data)
    known = [0, count, count, node_bytes, links_bytes + 4 * dims, links_bytes, LINKS, 2 * LINKS, LINKS, CONSTRUCTION]
    if [*sizes, upper, lower, links, building] != known or abs(scale - 1 / np.log(LINKS)) > 1e-9:
        raise ValueError("the graph has other sizes than its sounds")
    nodes = np.frombuffer(data, np.uint8, count * node_bytes, HEADER.size).reshape(count, node_bytes)
    held = np.ascontiguousarray(nodes[:, links_bytes:-8]).view("<f4")
    labels = np.ascontiguousarray(nodes[:, -8:]).view("<u8")[:, 0]
    if not np.array_equal(held, vectors) or not np.array_equal(labels, np.arange(count)):
        raise ValueError("the graph is of other sounds")
    _check_links(np.ascontiguousarray(nodes[:, :links_bytes]).view("<u4"), np.zeros(count, np.int64), 0)
    levels, lists = _upper_lists(data, HEADER.size + count * node_bytes, count, upper_bytes)
    if not 0 <= first < count or highest != levels.max() or levels[first] != highest:
        raise ValueError("the graph begins at no node")
    for level, rows in lists.items():
        _check_links(rows, levels, level)


def _upper_lists(data: bytes, start: int, count: int, list_bytes: int) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Return the level of each node, and by level the rows of links ``[nodes, 1 + links]`` above level 0."""
    levels, rows = np.zeros(count, np.int64), {}  # type: tuple[np.ndarray, dict[int, list[bytes]]]
    for node in range(count):
        if start + 4 > len(data):
            raise ValueError("the graph is cut short")
        (size,) = struct.unpack_from("<I", data, start)
        start += 4
        if size % list_bytes or start + size > len(data):
            raise ValueError("the graph has a list of links of a wrong length")
        levels[node] = size // list_bytes
        for level in range(1, levels[node] + 1):
            at = start + (level - 1) * list_bytes
            rows.setdefault(level, []).append(data[at : at + list_bytes])
        start += size
    if start != len(data):
        raise ValueError("the graph has bytes after its end")
    return levels, {
        level: np.frombuffer(b"".join(each), "<u4").reshape(-1, list_bytes // 4) for level, each in rows.items()
    }


def _check_links(rows: np.ndarray, levels: np.ndarray, level: int) -> None:
    """Check rows ``[nodes, 1 + most links]``: a number of links, then nodes that reach this level."""
    counts, links = rows[:, 0], rows[:, 1:]
    if (counts > links.shape[1]).any():
        raise ValueError("the graph has a node with too many links")
    used = links[np.arange(links.shape[1]) < counts[:, None]]
    if (used >= len(levels)).any() or (levels[used] < level).any():
        raise ValueError("the graph has a link to no node")


def _library() -> Any:
    try:
        import hnswlib
    except ImportError as problem:
        raise MissingExtraError(NEEDED_FOR, "find") from problem
    return hnswlib
