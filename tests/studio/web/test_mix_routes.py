"""The routes of the pane Mix pad."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import soundfile

from presets.bank import Bank


@pytest.fixture
def keys(impulse_bank):
    return [f"{impulse_bank.name}/{name}" for name in ("burst", "tone", "click", "hum")]


def clip(client, sound) -> np.ndarray:
    return client.http.app._app.state.sessions[client.session].clips.find(sound["clip"])


def test_the_line_leads_from_one_original_to_the_other(client, keys):
    assert client.post("/choose", presets=keys[:2]).json() == {"presets": keys[:2]}
    made = client.post("/generate", steps=3).json()
    assert [len(made["originals"]), len(made["steps"])] == [2, 3]
    first, middle, last = (clip(client, sound) for sound in made["steps"])
    originals = [clip(client, sound) for sound in made["originals"]]
    count = originals[0].shape[1]
    assert np.allclose(first[:, :count], originals[0][:, :count], atol=1e-5)
    assert np.allclose(last, originals[1], atol=1e-5)
    assert np.allclose(middle[:, :count], (first[:, :count] + last[:, :count]) / 2, atol=1e-5)
    assert client.get("/audios").json() == made


def test_the_zip_holds_originals_steps_and_all_steps(client, keys):
    assert client.get("/download").status_code == 400
    client.post("/choose", presets=keys[:2])
    made = client.post("/generate").json()
    archive = zipfile.ZipFile(io.BytesIO(client.get("/download").content))
    names = [
        "original-1-burst.wav",
        "original-2-tone.wav",
        *(f"step-{number:02}.wav" for number in range(11)),
        "all-steps.wav",
    ]
    assert archive.namelist() == names
    step, rate = soundfile.read(io.BytesIO(archive.read("step-05.wav")), dtype="float32", always_2d=True)
    assert rate == 48_000
    assert np.array_equal(step.T, clip(client, made["steps"][5]))


def test_a_place_of_the_pad_is_heard_and_saved(client, keys):
    client.post("/choose", presets=keys[:3])
    weights = [0.5, 0.25, 0.25]
    sound = client.post("/mix/sound", weights=weights).json()
    assert sound["title"] == "50 % + 25 % + 25 %"
    assert clip(client, sound).any()
    assert client.post("/mix/save", weights=weights, name="blend").json() == {"key": "own/blend"}
    saved = Bank(client.settings.work / "sessions" / client.session / "bank")["blend"]
    assert saved.header.provenance.made == "linear of burst, tone, click"


def test_a_balanced_mixture_needs_no_weights_and_has_no_line(client, keys):
    client.post("/choose", presets=keys[:2])
    sound = client.post("/mix/sound", weights=[1, 0], method="dominance").json()
    other = client.post("/mix/sound", weights=[0, 1], method="dominance").json()
    assert np.array_equal(clip(client, sound), clip(client, other))
    assert "no line" in client.post("/generate", method="dominance").json()["problem"]


@pytest.mark.parametrize(
    ("chosen", "problem"), [([0], "choose 2 to 4"), ([0, 0], "different"), ([0, 3], "mix one kind")]
)
def test_what_cannot_be_mixed_is_refused_and_the_choice_stays(client, keys, chosen, problem):
    client.post("/choose", presets=keys[:2])
    reply = client.post("/choose", presets=[keys[index] for index in chosen])
    assert reply.status_code == 400 and problem in reply.json()["problem"]
    assert client.get("/choose").json()["presets"] == keys[:2]


def test_a_random_pair_follows_from_its_seed(client):
    first = client.post("/choose", presets=[], seed=5).json()
    assert client.post("/choose", presets=[], seed=5).json() == first
    assert len({tuple(client.post("/choose", presets=[], seed=seed).json()["presets"]) for seed in range(8)}) > 1


def test_nothing_is_heard_before_a_choice(client):
    assert client.post("/generate").status_code == 400
    assert client.post("/mix/sound", weights=[1, 0]).status_code == 400
