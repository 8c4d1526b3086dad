"""`pisada doctor` prints what this machine computes with, and that bits are exact."""

import os
import subprocess
import sys

import pytest

from plugin_backend.models.waveform_vae import c_engine as engine

pytestmark = pytest.mark.slow


def doctor(*options, **environment):
    command = [sys.executable, "-m", "studio", "doctor", *options]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_doctor_prints_processor_products_and_exactness():
    done = doctor()
    assert done.returncode == 0, done.stderr
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if not line.startswith("a hop"))
    assert set(rows) == {"processor", "PyTorch", "products", "model"}
    assert "PyTorch uses " in rows["processor"]
    assert ("the engine in C (" in rows["products"]) == (engine.instruction_set() is not None)
    assert rows["model"].startswith("foley: exact: ")
    assert "ms of processor time for 10.7 ms of sound" in done.stdout


def test_doctor_says_when_pytorch_computes():
    done = doctor(PISADA_ENGINE="none")
    assert "Product; the bits of a row are exact with padding" in done.stdout
    assert "PISADA_ENGINE=none" in done.stdout and "foley: exact: " in done.stdout


def test_unknown_backend_is_one_line():
    done = doctor(PISADA_ENGINE="mmx")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert "PISADA_ENGINE=mmx: not available; choose from " in done.stderr


def test_unknown_model_is_one_line():
    done = doctor("--model", "absent")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
