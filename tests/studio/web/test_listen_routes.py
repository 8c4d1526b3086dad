"""Listening tests over HTTP: blind pages, durable answers, results; and a server that is killed loses nothing."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from plugin_backend.evaluation.listening.answers import Ratings
from render.project.project import Project
from render.sheet_editing.document import EditedSheet
from studio.web.listening import close_ratings
from studio.web.settings import open_settings
from tests.studio.web.conftest import Client


@pytest.fixture
def show(tmp_path) -> Path:
    """A project folder with three versions of two sounds."""
    folder = tmp_path / "show"
    (folder / "versions").mkdir(parents=True)
    (folder / "project.toml").write_text('schema = 1\nmodel = "pcm"\n')
    rng = np.random.default_rng(2)
    for condition in ("reference", "old", "new"):
        (folder / "versions" / condition).mkdir()
        for name in ("door", "step"):
            soundfile.write(folder / "versions" / condition / f"{name}.wav", rng.uniform(-0.2, 0.2, 480), 48_000)
    return folder


@pytest.fixture
def client(show, tmp_path, impulse_bank):
    yield Client(open_settings(show, [impulse_bank], tmp_path / "work", port=7333))
    close_ratings()


def test_a_test_is_made_rated_and_evaluated(client):
    assert client.get("/listen").json() == {"tests": [], "sources": ["versions"]}
    assert client.post("/listen/new", name="a", kind="mushra", source="../show").status_code == 400
    listing = client.post("/listen/new", name="models", kind="mushra", source="versions", question="How close?").json()
    assert listing["tests"] == [{"name": "models", "kind": "mushra", "items": 2, "conditions": 5, "raters": 0}]
    of = {"test": "models", "rater": "Ann"}
    assert client.post("/listen/start", **of).json() == {"page": 0}
    page = client.get("/listen/page", **of, page=0).json()
    assert page["slots"] == 5 and page["reference"] and page["question"] == "How close?"
    assert not any(name in str(page) for name in ("old", "new", "anchor", "door", "step"))  # blind
    reference = client.get("/listen/sound", **of, page=0, slot=-1).content
    hidden = [client.get("/listen/sound", **of, page=0, slot=slot).content for slot in range(5)]
    assert hidden.count(reference) == 1 and {len(sound) for sound in hidden} == {480 * 2 * 4}
    assert client.get("/listen/sound", **of, page=0, slot=5).status_code == 400
    scores = [100.0 if sound == reference else 40.0 for sound in hidden]
    assert client.post("/listen/answer", **of, page=0, scores=scores).json() == {"page": 1}
    assert client.post("/listen/answer", **of, page=1, scores=[1, 2]).status_code == 400
    assert client.get("/listen/page", **of, page=0).json()["scores"] == scores
    results = client.get("/listen/results", test="models").json()
    assert results["conditions"][0]["condition"] == "reference" and results["raters"] == {"Ann": 1}
    assert "Ann" in client.get("/listen/results.csv", test="models").text
    table = b"item,condition,d\ndoor,old,1\ndoor,new,2\ndoor,reference,3\nstep,old,1\nstep,new,2\nstep,reference,3\n"
    metrics = client.http.put(client.path("/listen/metrics"), params={"test": "models"}, content=table).json()
    assert metrics["metrics"][0]["metric"] == "d" and metrics["metrics"][0]["count"] == 3
    assert client.get("/listen/results", test="../models").status_code == 400
    assert client.post("/listen/start", test="models", rater="<b>").status_code == 400


class Server:
    """A studio in a process of its own, that can be killed."""

    def __init__(self, show: Path, work: Path, session: str = ""):
        command = ["studio", show, "--port", "0", "--no-browser", "--work", work]
        self.process = subprocess.Popen([sys.executable, "-m", "studio", *command], stdout=subprocess.PIPE, text=True)
        self.base, token = re.search(r"(http://[^/]+)/\?token=(\S+)", self.process.stdout.readline()).groups()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        self.opener.open(f"{self.base}/?token={token}").read()
        self.session = self.send("/api/sessions", {"session": session})["session"]

    def send(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(self.base + path, msgspec.json.encode(body), method="POST")
        return msgspec.json.decode(self.opener.open(request).read())

    def post(self, route: str, **body: object) -> dict:
        return self.send(f"/api/sessions/{self.session}{route}", body)


@pytest.mark.slow
def test_a_killed_server_loses_no_edit_and_no_answer(show, tmp_path):
    """The server is killed right after the reply to a random edit or answer, again and again."""
    choices, work, session, added, answered = random.Random(5), tmp_path / "work", "", [], 0
    for turn in range(5):
        server = Server(show, work, session)
        assert session in ("", server.session)
        session = server.session
        if turn == 0:
            server.post("/timeline/new")
            server.post("/listen/new", name="t", kind="mos", source="versions")
        for _ in range(choices.randint(3, 9)):
            if choices.random() < 0.6:
                cells = {"id": f"c{len(added)}", "stem": "FEET"}
                server.post("/timeline/edit", edit={"type": "add", "start": len(added), "cells": cells})
                added.append(cells["id"])
            else:
                server.post("/listen/answer", test="t", rater=f"r{answered}", page=0, scores=[3])
                answered += 1
        server.process.kill()
        server.process.wait()
        log = work / "sessions" / session / "timeline" / "0001" / "sheet.edits"
        sheet = EditedSheet.open(log, Project(), frozenset())
        assert list(sheet.rows) == added and not sheet.findings
        sheet.close()
        ratings = Ratings(work / "listening" / "t")
        assert ratings.raters == [f"r{number}" for number in range(answered)]
        ratings.close()
