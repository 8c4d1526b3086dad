"""Every reader reads randomly changed files or refuses them with one line. The long run is `make soak`."""

import pytest

from tests.soak.fuzz import fuzzed
from tests.soak.readers import readers

INPUTS = 20


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
