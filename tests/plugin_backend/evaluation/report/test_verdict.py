"""The verdict of an evaluation, in plain words, compared with that of its start model."""

import re

import pytest
import torch

from plugin_backend.evaluation.evaluate import _start_of
from plugin_backend.evaluation.metrics.score_clips import CODEC, START
from plugin_backend.evaluation.report.report import MATRICES, MIXED
from plugin_backend.evaluation.report.verdict import COLOUR, QUESTIONS
from plugin_backend.evaluation.report.verdict import section as section_with_players
from plugin_backend.models.registry import load_codec
from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.model import WaveformVAE

GOOD = {"visqol": 4.2, "log_mel_error_db": 2.0, "onset_error_ms": 0.4, "peak_error_db": 0.5, "frechet_yamnet": 30.0}
POOR = {"visqol": 1.5, "log_mel_error_db": 9.0, "onset_error_ms": 8.0, "peak_error_db": 5.0, "frechet_yamnet": 400.0}


def scores(numbers):
    return {question.metric: {question.number: numbers.get(question.metric)} for question in QUESTIONS}


def metrics(systems, started_from=None, unseen=True, quick=False, files=3):
    return {
        "metrics": {name: scores(numbers) for name, numbers in systems.items()},
        "model": {"name": "mine", "started_from": started_from},
        "data": {"files": files, "unseen_in_training": unseen},
        "protocol": {"quick": quick},
    }


def section(metrics):
    return section_with_players(metrics, lambda question: f"worst: {question.metric}")


def rows(page):
    return [re.findall("<td>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", page, re.DOTALL)][1:]


@pytest.mark.parametrize(("numbers", "place"), [(GOOD, 0), (POOR, -1)])
def test_a_number_becomes_a_word(numbers, place):
    page = section(metrics({CODEC: numbers}))
    assert [row[0] for row in rows(page)] == [question.text for question in QUESTIONS]
    assert [row[1] for row in rows(page)] == [question.grades[place][1] for question in QUESTIONS]
    assert [row[-1] for row in rows(page)] == [f"worst: {question.metric}" for question in QUESTIONS]
    assert "4.2 of 5 (ViSQOL)" in page or numbers is POOR
    assert "Evaluated on 3 recordings that it was not trained on." in page


def test_grades_hold_at_their_limits():
    visqol, colour = QUESTIONS[0], QUESTIONS[1]
    assert [visqol.words(value) for value in (5.0, 4.0, 3.99, 3.0, 0.0)] == [
        visqol.grades[place][1] for place in (0, 0, 1, 1, 3)
    ]
    assert [colour.words(value) for value in (0.0, 3.0, 3.01, 6.0, 99.0)] == [
        "kept",
        "kept",
        *2 * ["a little changed"],
        "changed",
    ]


def test_a_question_plays_its_worst_clip():
    rows = [
        {"visqol": 3.0, "log_mel_error_db": 2.0, "onset_error_ms": []},
        {"visqol": 1.0, "log_mel_error_db": 1.0, "onset_error_ms": [0.0, 4.0, 5.0]},
        {"visqol": 2.0, "log_mel_error_db": 9.0, "onset_error_ms": [0.0, 0.0, 90.0]},
    ]
    visqol, colour, onset, _, frechet = QUESTIONS
    assert [question.worst(rows) for question in (visqol, colour, onset, frechet)] == [1, 2, 1, None]
    assert COLOUR is colour


def test_it_is_compared_with_its_start_model():
    mixed = GOOD | {"peak_error_db": 5.0, "onset_error_ms": 8.05}
    page = section(metrics({CODEC: mixed, START: POOR, "noise": POOR}, "foley"))
    assert [row[4] for row in rows(page)] == ["better", "better", "the same", "the same", "better"]
    assert "Compared with 'foley', its start model: better in 3 of 5, worse in 0." in page.replace("&#39;", "'")
    worse = section(metrics({CODEC: POOR, START: GOOD}, "foley"))
    assert [row[4] for row in rows(worse)] == ["worse"] * 5


def test_what_is_not_known_is_said():
    page = section(metrics({CODEC: GOOD | {"visqol": None}}, "gone", unseen=False, quick=True, files=1))
    assert len(rows(page)) == len(QUESTIONS) - 1
    for result in (
        "Evaluated on 1 recording; it may have been trained on some of them.",
        "Its training started from 'gone', which is not on this machine, so they are not compared.",
        "This was a quick run",
    ):
        assert result in page.replace("&#39;", "'")


def test_the_start_is_found_by_the_record(tmp_path, tiny_models):
    config = WaveformVAEConfig(encoder_width=16, encoder_blocks=2, decoder_width=16, decoder_blocks=2)
    torch.manual_seed(0)
    for name, start in (("child", str(tiny_models[0])), ("orphan", "gone.safetensors"), ("first", "scratch")):
        checkpoint.save(WaveformVAE(config), tmp_path / f"{name}.safetensors", {"settings": {"start": start}})
    found = {name: _start_of(str(tmp_path / f"{name}.safetensors"), 48_000) for name in ("child", "orphan", "first")}
    assert found["child"][0] == "quick"
    assert found["child"][1].spec.fingerprint == load_codec(str(tiny_models[0])).spec.fingerprint
    assert found["orphan"] == ("gone", None)
    assert found["first"] == (None, None)
    assert _start_of("pcm", 48_000) == (None, None)


def test_no_heading_is_an_internal_name():
    assert set(MATRICES) == set(MIXED)
    assert not any("_" in heading for heading in MIXED.values())
