"""Every reader reads randomly changed files or refuses them with one line. The long run is `make soak`."""

from pathlib import Path

import pytest

from plugin_backend.errors import PisadaError
from tests.soak.fuzz import fuzzed
from tests.soak.readers import readers

INPUTS = 20
KEPT = Path(__file__).parent / "soak" / "kept"
"""A folder for each reader, of files ``SEED-NUMBER-NAME`` that a soak found."""

A_KEY_WITH_A_LINE_BREAK = {".toml": (b"", b'"x\\ny" = 1\n'), ".json": (b"{", b'"x\\ny": 1, ')}
"""What it stands behind, and how the key is written."""


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    return readers(tmp_path_factory.mktemp("good"))


def test_good_files_are_read(every, tmp_path):
    for reader in every:
        for name, data in reader.seeds.items():
            (tmp_path / name).write_bytes(data)
            if reader.name != "reports":  # whose stems are not there
                reader.read(tmp_path / name)


def test_changed_files_are_read_or_refused(every, tmp_path):
    for reader in every:
        folder = tmp_path / reader.name.replace(" ", "-")
        folder.mkdir()
        assert fuzzed(reader, folder, INPUTS, seed=1).escaped == []


def test_what_a_soak_found_is_read_or_refused(every, tmp_path):
    kept = sorted(KEPT.glob("*/*"))
    assert kept
    readers_by_name = {reader.name.replace(" ", "-").replace("'", ""): reader for reader in every}
    for path in kept:
        folder = tmp_path / path.parent.name / path.name
        folder.mkdir(parents=True)
        name = path.name.split("-", 2)[2]
        (folder / name).write_bytes(path.read_bytes())
        try:
            readers_by_name[path.parent.name].read(folder / name)
        except PisadaError as refused:
            assert "\n" not in str(refused), path


def test_a_line_break_in_a_key_makes_no_second_line(every, tmp_path):
    refused = 0
    for reader in every:
        for name, data in reader.seeds.items():
            behind, key = A_KEY_WITH_A_LINE_BREAK.get(Path(name).suffix.replace(".jsonl", ".json"), (None, b""))
            if behind is None:
                continue
            (tmp_path / name).write_bytes(data.replace(behind, behind + key, 1))
            try:
                reader.read(tmp_path / name)
            except PisadaError as problem:
                refused += 1
                assert "\n" not in str(problem), reader.name
    assert refused >= 7
