"""The routes of the pane Map: points, places between them, and paths."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from presets.bank import Bank
from presets.store import path_of
from studio.web.library import Library, Models
from studio.web.settings import open_settings
from studio.web.sound_map import coordinates, points_of, preset_at, principal_directions, scale_names
from tests.studio.web.conftest import Client


@pytest.fixture
def library(tmp_path, impulse_bank) -> Library:
    return Library([str(impulse_bank)], tmp_path / "own", Models(["pcm"]))


def fingerprint(bank) -> str:
    return Bank(bank)["burst"].header.fingerprint


def clip(client, sound) -> np.ndarray:
    return client.http.app._app.state.sessions[client.session].clips.find(sound["clip"])


def test_principal_directions_are_orthonormal_and_ordered_by_variance():
    latents = np.random.default_rng(0).standard_normal((50, 6)) * [9, 5, 3, 1, 1, 1]
    directions = principal_directions(latents)
    assert np.allclose(directions @ directions.T, np.eye(3), atol=1e-12)
    assert list(np.abs(directions).argmax(axis=1)) == [0, 1, 2]
    spread = (latents @ directions.T).std(axis=0)
    assert list(spread) == sorted(spread, reverse=True)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_one_two_and_equal_points_are_mapped(tmp_path, impulse_bank, count):
    """Maps elsewhere crash on them."""
    names = {1: ["burst"], 2: ["burst", "tone"], 5: ["burst"]}[count]
    for name in names:
        (tmp_path / "bank").mkdir(exist_ok=True)
        shutil.copy(path_of(name, impulse_bank), tmp_path / "bank")
    client = Client(open_settings(None, [tmp_path / "bank"], tmp_path / "work", port=7333))
    shown = client.get("/map", model=fingerprint(impulse_bank)).json()
    assert len(shown["across"]) == len(names) and np.isfinite(shown["across"] + shown["up"]).all()
    place = [shown["across"][0], shown["up"][0]]
    where = {"model": fingerprint(impulse_bank), "x": shown["x"], "y": shown["y"]}
    assert clip(client, client.post("/map/sound", **where, place=place).json()).any()


def test_equal_points_have_no_direction():
    assert principal_directions(np.ones((4, 3))).shape == (0, 3)
    assert principal_directions(np.ones((1, 3))).shape == (0, 3)


def test_at_a_point_lies_its_take_and_between_points_lies_what_the_scales_say(library, impulse_bank):
    points = points_of(library, fingerprint(impulse_bank))
    for scales in (("pca.0", "pca.1"), ("latent.7", "latent.9")):
        measured = np.stack([coordinates(points, scale) for scale in scales], axis=1)
        at = preset_at(library, points, scales, measured[1])
        assert np.allclose(at.means[0], library.preset(points.keys[1]).means[0], atol=1e-5)
        wanted = measured.mean(axis=0)
        between = preset_at(library, points, scales, wanted).means[0].mean(axis=0, dtype=np.float64)
        moved = points_of(library, fingerprint(impulse_bank))
        moved.latents[0] = between
        if scales[0].startswith("latent"):
            assert np.allclose([coordinates(moved, scale)[0] for scale in scales], wanted, atol=1e-5)
        else:
            assert np.allclose(points.directions[:2] @ (between - points.mean), wanted, atol=1e-5)


def test_the_models_scales_are_named_and_others_refused(client, library, impulse_bank):
    model = fingerprint(impulse_bank)
    names = scale_names(points_of(library, model))
    assert names[:3] == ["pca.0", "pca.1", "latent.0"] and "latent.511" in names  # two of the four points are equal
    assert client.get("/map/models").json()["models"][0]["points"] == 4
    for x in ("latent.512", "axis.nothing", "x", "pca.7"):
        assert client.get("/map", model=model, x=x).status_code == 400
    assert client.get("/map", model="none").status_code == 400


def test_a_path_is_its_sounds_in_order(client, impulse_bank):
    where = {"model": fingerprint(impulse_bank), "x": "latent.1", "y": "latent.2"}
    sound = client.post("/map/path", **where, places=[[0, 0], [0.1, 0], [0.2, 0.1]], every_s=0.5).json()
    assert sound["title"] == "a path of 3 sounds"
    first = clip(client, client.post("/map/sound", **where, place=[0, 0]).json())
    whole = clip(client, sound)
    alone = min(first.shape[1], 24_000)  # the next sound begins after half a second
    assert np.allclose(whole[:, :alone], first[:, :alone], atol=1e-6) and first[:, :alone].any()
    assert client.get("/map/path.wav").content[:4] == b"RIFF"


def test_a_place_is_saved_as_a_preset_with_one_take(client, impulse_bank):
    where = {"model": fingerprint(impulse_bank), "x": "pca.0", "y": "pca.1"}
    assert client.post("/map/save", **where, place=[0.0, 0.0], name="between").json() == {"key": "own/between"}
    saved = Bank(client.settings.work / "sessions" / client.session / "bank")["between"]
    assert len(saved.header.takes) == len(saved.means) == 1
    shown = client.get("/map", model=where["model"]).json()
    assert "own/between" in shown["keys"]
