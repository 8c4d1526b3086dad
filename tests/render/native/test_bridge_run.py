"""The bridge between DawDreamer and Python, driven in C: here, under sanitizers, and as a Windows program."""

from pathlib import Path

import pytest

from tests.native_builds import output_of

SOURCE = Path(__file__).with_name("bridge_run.c")
NATIVE = Path(__file__).parents[3] / "render" / "native"


@pytest.mark.parametrize("kind", ["plain", "memory", "threads", "windows"])
def test_every_block_passes_the_bridge_as_it_is(kind, tmp_path):
    assert output_of(kind, SOURCE, NATIVE, tmp_path) == "all as it should be\n"
