"""The cue cache: entries are complete or missing, hold the same samples, and never stop a render."""

import os

import numpy as np
import pytest
import soundfile

from plugin_backend.cache_folder import cache_home
from render.delivery.deliver import deliver
from render.engine.cue_cache import CueCache
from render.engine.make_plan import make_plan
from render.plan.resolve import read_sheet
from render.project.project import Project

KEY = "ab" + "0" * 38


def pieces(*sizes: int, channels: int = 1):
    """Pieces of a ramp 0, 1, 2 … in every channel."""
    start = 0
    for size in sizes:
        yield np.tile(np.arange(start, start + size, dtype=np.float32), (channels, 1))
        start += size


def files(cache: CueCache) -> list[str]:
    return sorted(path.name for path in cache.folder.rglob("*") if path.is_file())


@pytest.fixture
def cache(tmp_path) -> CueCache:
    return CueCache(tmp_path / "cues")


@pytest.mark.parametrize("channels", (1, 2))
def test_hands_pieces_on_and_gives_the_first_samples_back(cache, channels):
    handed = np.concatenate(list(cache.storing(KEY, pieces(5, 7, 9, channels=channels), 10)), axis=1)
    assert handed[0].tolist() == list(range(21))
    assert cache.get(KEY, 10).tolist() == [list(range(10))] * channels


def test_a_sound_that_ends_early_is_followed_by_silence(cache):
    list(cache.storing(KEY, pieces(3), 5))
    assert cache.get(KEY, 5).tolist() == [[0, 1, 2, 0, 0]]


def test_a_sound_is_there_with_its_last_sample(cache):
    handed = cache.storing(KEY, pieces(4, 4, 4), 8)
    next(handed)
    assert KEY not in cache
    next(handed)
    assert KEY in cache
    handed.close()
    assert files(cache) == [f"{KEY}.cue"]


def test_a_reader_that_stops_leaves_nothing(cache):
    handed = cache.storing(KEY, pieces(4, 4), 8)
    next(handed)
    handed.close()
    assert files(cache) == []


def test_two_cues_of_one_sound_may_be_decoded_at_once(cache):
    one, other = (cache.storing(KEY, pieces(4, 4), 8) for _ in range(2))
    next(one), next(other)
    list(one), list(other)
    assert cache.get(KEY, 8).tolist() == [list(range(8))]
    assert files(cache) == [f"{KEY}.cue"]


@pytest.mark.parametrize("damage", (b"", b"\x93NUMPY\x01\x00", b"not an array at all"))
def test_a_damaged_file_counts_as_absent_and_is_cleared(cache, damage):
    list(cache.storing(KEY, pieces(8), 8))
    cache.path(KEY).write_bytes(damage)
    assert cache.get(KEY, 8) is None
    assert KEY not in cache
    assert cache.damaged == 1


def test_no_bit_of_an_entry_can_change_unseen(cache):
    list(cache.storing(KEY, pieces(8), 8))
    whole = cache.path(KEY).read_bytes()
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        cache.path(KEY).write_bytes(data)
        assert cache.get(KEY, 8) is None
    assert cache.damaged == 8 * len(whole)


def test_an_entry_of_another_name_or_another_number_of_channels_is_not_taken(cache):
    list(cache.storing(KEY, pieces(8), 8))
    other = "ab" + "1" * 38
    cache.path(other).write_bytes(cache.path(KEY).read_bytes())
    assert cache.get(other, 8) is None
    for channels in (0, 2, 3):
        header = cache.path(KEY).read_bytes().replace(b"(8, 1)", f"(8, {channels})".encode())
        cache.path(KEY).write_bytes(header)
        assert cache.get(KEY, 8) is None
        list(cache.storing(KEY, pieces(8), 8))
    assert cache.get(KEY, 8).tolist() == [list(range(8))]


def test_samples_that_are_no_numbers_are_not_kept(cache):
    handed = list(cache.storing(KEY, iter([np.full((1, 8), np.nan, np.float32)]), 8))
    assert len(handed) == 1
    assert files(cache) == []
    assert cache.kept


@pytest.mark.parametrize("samples", (7, 9))
def test_a_sound_of_another_length_counts_as_damaged(cache, samples):
    list(cache.storing(KEY, pieces(8), 8))
    assert cache.get(KEY, samples) is None
    assert KEY not in cache


def test_a_folder_that_cannot_be_written_says_so_and_loses_no_piece(tmp_path):
    (tmp_path / "cues").write_text("a file where the folder should be")
    cache = CueCache(tmp_path / "cues")
    handed = np.concatenate(list(cache.storing(KEY, pieces(4, 4), 8)), axis=1)
    assert handed.tolist() == [list(range(8))]
    assert not cache.kept


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_says_so_and_loses_no_piece(cache, monkeypatch):
    import builtins

    real = builtins.open
    monkeypatch.setattr("builtins.open", lambda name, *rest: real("/dev/full" if ".part" in str(name) else name, *rest))
    handed = np.concatenate(list(cache.storing(KEY, pieces(9000, 9000), 18_000)), axis=1)
    assert handed.shape == (1, 18_000)
    assert not cache.kept
    assert KEY not in cache


def test_pruning_deletes_what_was_used_longest_ago(cache):
    for index, key in enumerate((f"{n:02d}" + "0" * 38) for n in range(4)):
        list(cache.storing(key, pieces(100), 100))
        os.utime(cache.path(key), (1000 + index, 1000 + index))
    size = cache.path("00" + "0" * 38).stat().st_size
    cache.get("00" + "0" * 38, 100)  # used just now
    assert cache.prune(2 * size) == 2 * size
    assert files(cache) == ["00" + "0" * 38 + ".cue", "03" + "0" * 38 + ".cue"]


def test_pruning_clears_what_dead_writers_left(cache):
    cache.path(KEY).parent.mkdir(parents=True)
    for name, age in ((".old.part", 2 * 24 * 3600), (".new.part", 0)):
        part = cache.path(KEY).with_name(name)
        part.write_bytes(b"x")
        os.utime(part, (part.stat().st_mtime - age,) * 2)
    cache.prune()
    assert files(cache) == [".new.part"]


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PISADA_CACHE", str(tmp_path))
    assert cache_home() == tmp_path


def test_a_damaged_entry_is_made_again_and_reported_once(write_sheet, impulse_bank, tmp_path):
    project = Project(show="T", bank=str(impulse_bank), model="pcm", tail_s=0.0)
    sheet = write_sheet([{"id": "a", "start": "0.0", "end": "0.05", "stem": "A", "preset": "hum"}])
    plan, cache = make_plan(project, read_sheet(sheet, project)), CueCache(tmp_path / "cues")
    first = deliver(plan, project, tmp_path / "one", cache=cache)
    (entry,) = (tmp_path / "cues").rglob("*.cue")
    entry.write_bytes(entry.read_bytes()[:200] + b"\xff" + entry.read_bytes()[201:])
    second = deliver(plan, project, tmp_path / "two", cache=cache)
    assert second.remarks == ["1 sounds in the cue cache were damaged, and were made again"]
    np.testing.assert_array_equal(*(soundfile.read(done.stems["A"])[0] for done in (first, second)))
    third = deliver(plan, project, tmp_path / "three", cache=cache)
    assert (third.remarks, third.cached) == ([], 1)
