"""The timeline over HTTP: edits, sound, suggestions, renders; what is asked for wrongly is refused in one line."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from studio.web.settings import open_settings
from studio.web.timeline.work import close_timelines
from tests.studio.web.conftest import Client

SHEET = """\
id,start,stem,preset,duration,gain_db
a,00:59:59:12,FEET,click,,-6
b,01:00:00:00,FEET,burst,,0
c,01:00:00:12,ROOM,hum,1.0,-3
"""
PROJECT = """\
schema = 1
fps = "25"
start = "00:59:59:00"
end = "01:00:03:00"
model = "pcm"
bits = 32
[[stems]]
name = "FEET"
[[stems]]
name = "ROOM"
effects = [{ type = "filter", mode = "low", frequency_hz = 900.0 }]
"""


@pytest.fixture
def project(tmp_path, impulse_bank):
    """A project folder with a sheet, a guide and a secret beside it."""
    folder = tmp_path / "show"
    folder.mkdir()
    (folder / "project.toml").write_text(PROJECT)
    (folder / "reel.csv").write_text(SHEET)
    clicks = np.zeros(96_000)
    for at in (9_600, 48_000, 72_000):
        clicks[at : at + 400] = np.hanning(400) * np.random.default_rng(at).uniform(-1, 1, 400)
    soundfile.write(folder / "guide.wav", clicks, 48_000)
    (tmp_path / "secret.wav").write_bytes((folder / "guide.wav").read_bytes())
    return open_settings(folder, [impulse_bank], tmp_path / "work", port=7333)


@pytest.fixture
def client(project):
    yield Client(project)
    close_timelines()


def samples(reply) -> np.ndarray:
    assert reply.status_code == 200, reply.text
    return np.frombuffer(reply.content, "<f4").reshape(-1, 2).T


def put(client: Client, route: str, data: bytes, **query):
    return client.http.put(client.path(route), params=query, content=data)


def test_a_sheet_is_edited_heard_rendered_and_written(client, forked_renders, monkeypatch):
    """What is heard of the edited sheet is what is in the rendered files, sample for sample."""
    monkeypatch.setattr("render.delivery.deliver.draw_waveforms", lambda path, *arguments: path.touch())
    view = client.get("/timeline").json()
    assert view["document"] == 0 and view["sheets"] == ["reel.csv"] and view["guides"] == ["guide.wav"]
    view = client.post("/timeline/open", name="reel.csv").json()
    assert [row["id"] for row in view["rows"]] == ["a", "b", "c"] and view["clock"]["exact"] == [25, 1]
    change = client.post("/timeline/edit", edit={"type": "nudge", "ids": ["a"], "frames": 1, "samples": -1}).json()
    assert change["rows"][0]["start"] == 13 * 1920 - 1 and change["undo"] == "Nudge 1 cue"
    client.post("/timeline/edit", edit={"type": "fill", "ids": ["b"], "cells": {"pan": "-0.5", "preset": "tone"}})
    details = client.get("/timeline/details").json()
    assert details["can_render"] and details["lengths"] == {"a": 2048, "b": 144_000, "c": 48_000}, details
    heard = samples(client.get("/timeline/hear", start=20_001, stop=150_000))
    alone = samples(client.get("/timeline/hear", start=20_001, stop=150_000, stems="FEET"))
    assert heard.any() and not np.array_equal(heard, alone)
    assert client.post("/timeline/render").json()["state"] == "running"
    while (state := client.get("/timeline/render").json())["state"] == "running":
        pass
    assert state["state"] == "done", state
    names = state["files"]
    foley = next(name for name in names if "_FOLEY_v" in name and name.endswith(".wav"))
    whole = soundfile.read(io.BytesIO(client.get(f"/timeline/files/{foley}").content), dtype="float32")[0].T
    difference = whole[:, 20_001:150_000] - heard
    assert not difference.any(), (np.abs(difference).max(), np.flatnonzero(difference.any(axis=0))[[0, -1]])
    assert {name[-4:] for name in names} >= {".wav", ".rpp", "json", "otio"}
    sheet = client.get("/timeline/written", name=".csv").text
    assert "a,24959smp,,FEET,click,-6," in sheet and "tone,,-0.5" in sheet
    assert len(samples(client.get("/timeline/hear-cue", id="a"))[0]) == 2048
    wave = client.post("/timeline/waves", ids=["a", "zz"]).json()["waves"]
    assert list(wave) == ["a"] and wave["a"]["step"] == 6
    peaks = client.get("/timeline/peaks", of="FOLEY", start=0, stop=10**6, bins=100).json()
    assert peaks["step"] == 4096
    client.post("/timeline/undo")
    assert client.post("/timeline/redo").json()["redo"] == ""


def test_the_sheet_is_as_it_was_after_a_restart(client, project):
    client.post("/timeline/open", name="reel.csv")
    client.post("/timeline/edit", edit={"type": "delete", "ids": ["b"]})
    client.post("/timeline/guide", name="guide.wav")
    before = client.get("/timeline").json()
    close_timelines()  # as at the end of the server
    again = Client(project)
    again.session = again.http.post("/api/sessions", json={"session": client.session}).json()["session"]
    assert again.session == client.session and again.get("/timeline").json() == before
    assert [row["id"] for row in again.post("/timeline/undo").json()["rows"]] == ["b"]
    again.post("/timeline/open", name="reel.csv")
    assert len(again.post("/timeline/reopen", document=1).json()["rows"]) == 3
    assert again.post("/timeline/reopen", document=7).status_code == 400
    other = Client(project)
    assert other.get("/timeline").json()["document"] == 0  # another tab sees nothing of it


def test_guides_give_suggestions_and_other_files_are_out_of_reach(client):
    client.post("/timeline/open", name="reel.csv")
    assert client.post("/timeline/guide", name="../secret.wav").status_code == 400
    assert client.post("/timeline/open", name="../show/reel.csv").status_code == 400
    assert client.post("/timeline/guide", name="guide.wav").json()["length"] == 96_000
    found = client.post("/timeline/spot").json()["suggestions"]
    assert [round(one["start"], -2) for one in found] == [9_600, 48_000, 72_000]
    assert [one["taken"] for one in found] == [False, True, False]
    rows = [{"start": one["start"], "cells": {"stem": "FEET", "preset": "click"}} for one in found if not one["taken"]]
    added = client.post("/timeline/edit", edit={"type": "add_all", "rows": rows}).json()
    assert len(added["rows"]) == 2 and added["undo"] == "Add 2 cues"
    sheet = b"id,start,stem,source\nx,01:00:00:00,FEET,/etc/hostname\n"
    refused = put(client, "/timeline/sheet", sheet, name="../../evil.csv")
    assert refused.status_code == 400 and "outside the project's folder" in refused.json()["problem"]
    assert put(client, "/timeline/film", b"no film", name="x.exe").status_code == 400
    film = b"\0" * 5000
    assert put(client, "/timeline/film", film, name="a b.mp4").json()["name"] == "a b.mp4"
    part = client.http.get(client.path("/timeline/film/file"), headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and len(part.content) == 100


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        ({"type": "fill", "ids": ["a"], "cells": {"source": "/etc/passwd"}}, "cannot be changed here"),
        ({"type": "nudge", "ids": ["gone"], "samples": 1}, "no cue 'gone'"),
        ({"type": "nudge", "ids": ["a"], "samples": 10**15}, "Expected `int`"),
        ({"type": "explode"}, "Invalid value 'explode'"),
        ({"type": "put", "ids": [], "start": 0}, "length >= 1"),
    ],
)
def test_wrong_edits_are_refused_in_one_line(client, edit, problem):
    client.post("/timeline/open", name="reel.csv")
    reply = client.post("/timeline/edit", edit=edit)
    assert reply.status_code == 400 and problem in reply.json()["problem"]


def test_without_a_sheet_or_project_nothing_breaks(tmp_path, impulse_bank):
    client = Client(replace(open_settings(None, [impulse_bank], tmp_path / "work", port=7333)))
    view = client.get("/timeline").json()
    assert (view["document"], view["sheets"]) == (0, [])
    for method, route in (("get", "/timeline/details"), ("post", "/timeline/undo"), ("post", "/timeline/render")):
        reply = getattr(client, method)(route)
        assert reply.status_code == 400 and "no sheet is open" in reply.json()["problem"]
    client.post("/timeline/new")
    added = client.post("/timeline/edit", edit={"type": "add", "start": 4800, "cells": {"stem": "A", "preset": "nope"}})
    assert "no preset 'nope'" in added.json()["problem"]
    client.post("/timeline/edit", edit={"type": "add", "start": 4800, "cells": {"stem": "A", "preset": "click"}})
    assert samples(client.get("/timeline/hear", start=4_800, stop=4_900))[0, 0] != 0
