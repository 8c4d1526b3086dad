"""The index of sounds on disk."""

import json
import struct
from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import load, save

from plugin_backend.errors import ProjectError
from plugin_backend.evaluation.joint_spaces.base import unit
from presets.find import sound_index
from presets.find.neighbour_graph import HEADER, LINKS, build_graph, check_graph
from presets.find.ranking import mean_reciprocal_rank, nearest, scores
from presets.find.sound_index import KEY, SoundIndex, load_index, save_index, update_index

DIMS = 48


def vectors_of_groups(count: int, seed: int = 0) -> np.ndarray:
    """Draw vectors that stand in groups, as sounds do."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (40, DIMS))
    return unit(centres[rng.integers(40, size=count)] + rng.normal(0, 0.4, (count, DIMS)))


def table_of(vectors: np.ndarray) -> list[tuple[str, str]]:
    return [(f"sound-{index}", "1") for index in range(len(vectors))]


@pytest.fixture(scope="module")
def large() -> SoundIndex:
    vectors = vectors_of_groups(2000)
    names, stamps = map(list, zip(*table_of(vectors), strict=True))
    return SoundIndex("test", names, stamps, vectors, build_graph(vectors))


def test_scores_are_those_of_their_formulas():
    a, b = np.random.default_rng(1).normal(0, 1, (2, 3, 5))
    cosine = [[x @ y / np.sqrt((x @ x) * (y @ y)) for y in b] for x in a]
    assert scores(a, b) == pytest.approx(np.array(cosine))
    distance = [[-np.sqrt(((x - y) ** 2).sum()) for y in b] for x in a]
    assert scores(a, b, "euclidean") == pytest.approx(np.array(distance))
    assert (scores(np.zeros((1, 5)), b) == 0).all()
    assert nearest(np.array([[1.0, 3.0, 3.0]]), 2).tolist() == [[1, 2]]
    assert mean_reciprocal_rank(np.array([[1.0, 1.0, 0.0]]), np.array([0])) == 0.5  # a tie counts against us


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_the_graph_finds_what_comparing_all_finds(large, distance):
    questions = vectors_of_groups(200, 5)
    found, near = large.search(questions, 10, distance)
    table = scores(questions, large.vectors, distance)
    right = nearest(table, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, right, strict=True)])
    assert recall >= 0.99
    assert near == pytest.approx(np.take_along_axis(table, found, axis=1))
    assert all((np.diff(row) <= 0).all() for row in near)


def test_a_saved_index_returns_the_same_and_equal_sounds_give_equal_files(large, tmp_path):
    save_index(large, tmp_path / "a")
    again = load_index(tmp_path / "a")
    questions = vectors_of_groups(20, 6)
    assert [each.tolist() for each in again.search(questions, 5)] == [
        each.tolist() for each in large.search(questions, 5)
    ]
    assert build_graph(large.vectors) == large.graph_bytes


def test_only_what_changed_is_computed_again(tmp_path):
    asked: list[list[str]] = []

    def embed(names):
        asked.append(names)
        return [None if name == "broken" else unit(np.array([len(name), 1.0])) for name in names]

    first = update_index(None, "s", [("a", "1"), ("bb", "1"), ("broken", "1")], embed)
    assert first.names == ["a", "bb"]
    save_index(first, tmp_path / "index")
    second = update_index(load_index(tmp_path / "index"), "s", [("bb", "2"), ("ccc", "1"), ("a", "1")], embed)
    assert second.names == ["bb", "ccc", "a"]
    assert update_index(second, "s", [("bb", "2"), ("ccc", "1"), ("a", "1")], embed) is second
    update_index(second, "other space", [("a", "1")], embed)
    assert asked == [["a", "bb", "broken"], ["bb", "ccc"], ["a"]]
    assert update_index(None, "s", [], embed).search(np.ones((1, 1)), 3)[0].shape == (1, 0)


def test_an_index_that_lies_is_refused_in_one_line(tmp_path):
    index = SoundIndex("s", ["a", "b"], ["1", "1"], unit(np.eye(2)))
    path = tmp_path / "index"
    save_index(index, path)
    data = path.read_bytes()
    header = json.loads(json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"][KEY])
    good = load(data)
    lies = [
        (header | {"schema": 9}, good, "version 9"),
        (header | {"names": ["a"]}, good, "2 vectors for 1 sounds"),
        (header | {"names": ["a", "a"]}, good, "2 vectors for 2 sounds"),
        (header | {"extra": 1}, good, "extra"),
        (header, {**good, "vectors": np.full((2, 2), np.nan, np.float32)}, "length 1"),
        (header, {**good, "vectors": np.eye(2)}, "32-bit floats"),
        (header, {"vectors": good["vectors"]}, "graph"),
        (header, {**good, "graph": np.ones(8, np.uint8)}, "cut short"),
    ]
    for fields, tensors, said in lies:
        path.write_bytes(save(tensors, metadata={KEY: json.dumps(fields)}))
        with pytest.raises(ProjectError, match=said) as refused:
            load_index(path)
        assert "\n" not in str(refused.value)
    for content in (b"", data[:100], b"\xff" * 64):
        path.write_bytes(content)
        with pytest.raises(ProjectError, match="not a usable index"):
            load_index(path)


def test_a_damaged_graph_never_reaches_the_library():
    """hnswlib follows a wrong link out of its memory, and the process ends."""
    vectors = vectors_of_groups(300)
    data = build_graph(vectors)
    check_graph(data, vectors)
    node_bytes = 4 + 8 * LINKS + 4 * DIMS + 8
    upper = HEADER.size + 300 * node_bytes
    for place, value in (
        (HEADER.size, 2 * LINKS + 1),  # more links than fit
        (HEADER.size + 4, 300),  # a link to no node
        (HEADER.size + 4 + 8 * LINKS, 7),  # another vector
        (upper, 3),  # a list of a wrong length
        (8, 10**6),  # more nodes than there are
        (52, 299 + 10**6),  # begins at no node
    ):
        wrong = bytearray(data)
        struct.pack_into("<I", wrong, place, value)
        with pytest.raises(ValueError, match="the graph"):
            check_graph(bytes(wrong), vectors)
    for end in (10, len(data) - 1, upper):
        with pytest.raises(ValueError, match="the graph"):
            check_graph(data[:end], vectors)
    with pytest.raises(ValueError, match="after its end"):
        check_graph(data + b"x", vectors)
    with pytest.raises(ValueError, match="of other sounds"):
        check_graph(data, vectors[::-1].copy())


def test_few_sounds_are_compared_one_by_one(monkeypatch):
    vectors = vectors_of_groups(60)
    few = update_index(None, "s", table_of(vectors), lambda names: list(vectors))
    assert few.graph_bytes == b""
    monkeypatch.setattr(sound_index, "LEAST_SOUNDS", 60)
    graph = update_index(None, "s", table_of(vectors), lambda names: list(vectors))
    assert graph.graph_bytes
    for one, other in zip(few.search(vectors[:9], 7), graph.search(vectors[:9], 7), strict=True):
        assert one == pytest.approx(other)
    assert all(a >= b for row in few.search(vectors[:3], 60)[1] for a, b in pairwise(row))
