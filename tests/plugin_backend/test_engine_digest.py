"""The codec's engine in C, without Python: no finding of a sanitizer, and the same bits as a Windows program."""

import re
from pathlib import Path

import pytest

from tests.native_builds import output_of

HERE = Path(__file__)
NATIVE = HERE.parents[2] / "plugin_backend" / "native"
DIGEST = re.search(r"^digest=(\w+)", (HERE.parents[1] / "processors.sh").read_text(), re.MULTILINE)[1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["memory", "windows"])
def test_every_path_of_the_engine_makes_the_same_bits(kind, tmp_path):
    flags = "-ffp-contract=off", "-fno-math-errno", "-Wno-unused-function"
    printed = output_of(kind, HERE.with_name("engine_digest.c"), NATIVE, tmp_path, *flags)
    paths = dict(line.split()[:2] for line in printed.splitlines())
    assert set(paths.values()) == {DIGEST}
    assert "plain" in paths
