"""The command-line host of the plug-in's bridge."""

import pytest

from tests.plugin_backend.plugin_probe import Probe, build


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("probe"))


@pytest.fixture
def probe(built, tmp_path) -> Probe:
    probe = Probe(*built, tmp_path)
    yield probe
    assert probe.all_end(), "a process of the backend stays"
