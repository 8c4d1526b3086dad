"""`pisada doctor` says what this machine computes with, and that bits are exact."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def doctor(*options):
    return subprocess.run([sys.executable, "-m", "studio", "doctor", *options], capture_output=True, text=True)


def test_it_names_processor_products_and_exactness():
    done = doctor()
    assert done.returncode == 0, done.stderr
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if not line.startswith("a hop"))
    assert set(rows) == {"processor", "PyTorch", "products", "model"}
    assert "PyTorch uses " in rows["processor"]
    assert rows["model"].startswith("foley: exact: ")
    assert "ms of processor time for 10.7 ms of sound" in done.stdout


def test_a_model_that_is_not_there_is_one_line():
    done = doctor("--model", "absent")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
