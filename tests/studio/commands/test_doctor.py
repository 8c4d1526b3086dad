"""`pisada doctor` says what this machine computes with, and that bits are exact."""

import os
import subprocess
import sys

import pytest

from plugin_backend.models.waveform_vae import c_engine as engine

pytestmark = pytest.mark.slow


def doctor(*options, **environment):
    command = [sys.executable, "-m", "studio", "doctor", *options]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_it_names_processor_products_and_exactness():
    done = doctor()
    assert done.returncode == 0, done.stderr
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if not line.startswith("a hop"))
    assert set(rows) == {"processor", "PyTorch", "products", "model"}
    assert "PyTorch uses " in rows["processor"]
    assert ("the engine in C (" in rows["products"]) == (engine.instruction_set() is not None)
    assert rows["model"].startswith("foley: exact: ")
    assert "ms of processor time for 10.7 ms of sound" in done.stdout


def test_it_says_that_pytorch_computes_where_the_engine_is_not_wanted():
    done = doctor(PISADA_ENGINE="none")
    assert "Product; a row's bits are kept by padding" in done.stdout
    assert "PISADA_ENGINE=none" in done.stdout and "foley: exact: " in done.stdout


def test_a_way_that_is_not_there_is_one_line():
    done = doctor(PISADA_ENGINE="mmx")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert "PISADA_ENGINE=mmx: not available; choose from " in done.stderr


def test_a_model_that_is_not_there_is_one_line():
    done = doctor("--model", "absent")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
