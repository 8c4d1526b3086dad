"""The model card of a tiny untrained model on a tiny made-up corpus."""

import csv
import json

import numpy as np
import pytest
import soundfile

from plugin_backend.corpus.holdout import FACTORY_HELD_OUT
from plugin_backend.evaluation.metrics.anchors import ANCHORS
from plugin_backend.evaluation.report.attribution import attribution, read_manifest
from plugin_backend.evaluation.report.model_card import main
from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.model import WaveformVAE

ROWS = [
    ("a.wav", "footsteps/wood", "some-game", "CC0-1.0", "Ann|a"),
    ("b.wav", "door", "some-game", "CC0-1.0", "Ann|a"),
    ("c.wav", "footsteps/wood", "minetest-data", "CC-BY-3.0", "Bo <bo@example.org>"),
    ("d.wav", "door", "minetest-data", "CC-BY-3.0", "Bo <bo@example.org>"),
]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for seed, row in enumerate(ROWS):
        soundfile.write(folder / row[0], np.random.default_rng(seed).normal(0, 0.1, 14_400), 48_000)
    with open(folder / "manifest.csv", "w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(["file", "label", "debian_package", "licence", "author", "seconds", "sample_rate", "version"])
        writer.writerows([*row, 0.3, 48_000, "1.0"] for row in ROWS)
    return folder


def saved_model(folder, held_out=FACTORY_HELD_OUT):
    config = WaveformVAEConfig(encoder_width=8, encoder_blocks=1, decoder_width=8, decoder_blocks=1)
    path = folder / "tiny.safetensors"
    checkpoint.save(WaveformVAE(config), path, {"minutes": 1.5, "held_out_packages": sorted(held_out)})
    return path


def test_attribution_counts_files_marks_held_out_packages_and_escapes_markdown(corpus):
    lines = attribution(read_manifest(corpus)).splitlines()
    assert lines[-2:] == [
        "| minetest-data | 1.0 | Bo \\<bo@example.org\\> | CC-BY-3.0 | 2 | held out |",
        "| some-game | 1.0 | Ann\\|a | CC0-1.0 | 2 | training |",
    ]


@pytest.mark.slow
def test_card_writes_its_three_files_from_one_evaluation(corpus, tmp_path):
    pytest.importorskip("onnxruntime")
    out = tmp_path / "out"
    arguments = [str(saved_model(tmp_path)), str(corpus), "--out", str(out), "--without-visqol", "--quick"]
    assert main(arguments) == 0
    assert sorted(path.name for path in out.iterdir()) == ["ATTRIBUTION.md", "MODEL_CARD.md", "metrics.json"]
    numbers = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert {name: of["n"] for name, of in numbers["mel_mse"]["by_label"].items()} == {
        "door": 1,
        "footsteps": 1,
        "footsteps/wood": 1,
    }
    assert numbers["data"]["judged"] == "held out from training" and numbers["data"]["files"] == 2
    assert len(numbers["clips"]) == 2 * (1 + len(ANCHORS)) and "visqol" not in numbers["clips"][0]
    text = (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Trained for 1.5 minutes" in text and "16.0 ms" in text and "GPL-3.0-or-later" in text
    assert f"| **codec** | 2 | {numbers['log_mel_error_db']['mean']:.2f} |" in text
    assert "| decoded silence, dBFS |" in text and "| noise in 40 bands, 256/64 |" in text
    assert str(tmp_path) not in text and str(tmp_path) not in json.dumps(numbers)


@pytest.mark.parametrize(
    "model, problem",
    [
        (lambda folder: saved_model(folder, ["other"]), "held out"),
        (lambda folder: folder / "none.safetensors", "no model"),
        (lambda folder: "pcm", "give the path"),
    ],
)
def test_unusable_models_end_with_status_2_and_one_line(corpus, tmp_path, capsys, model, problem):
    assert main([str(model(tmp_path)), str(corpus), "--out", str(tmp_path / "out")]) == 2
    message_lines = capsys.readouterr().err
    assert problem in message_lines and message_lines.count("\n") == 1


def test_a_folder_without_manifest_ends_with_status_2(tmp_path):
    assert main([str(saved_model(tmp_path)), str(tmp_path), "--out", str(tmp_path / "out")]) == 2
