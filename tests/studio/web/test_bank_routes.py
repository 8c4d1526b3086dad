"""The routes of the pane Bank, and the document that describes all routes."""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile

from studio.web.app import all_endpoints
from studio.web.panes import PANES


def test_presets_are_listed_with_their_bank(client, impulse_bank):
    listing = client.get("/bank/presets").json()
    assert [bank["label"] for bank in listing["banks"]] == ["own", impulse_bank.name]
    assert [row["name"] for row in listing["presets"]] == ["burst", "click", "hum", "tone"]
    assert all(row["key"] == f"{impulse_bank.name}/{row['name']}" and row["usable"] for row in listing["presets"])
    assert listing["problems"] == []


def test_a_plot_holds_the_peaks_of_the_take(client, impulse_bank):
    key = f"{impulse_bank.name}/click"
    audio, rate = soundfile.read(io.BytesIO(client.get("/bank/takes.wav", key=key).content), dtype="float32")
    plot = client.get("/bank/plot", key=key).json()
    peaks = np.frombuffer(base64.b64decode(plot["peaks"]), np.int8).reshape(-1, 2)
    assert (plot["length_samples"], plot["rate_hz"]) == (len(audio), rate)
    assert peaks.shape == (plot["columns"], 2)
    assert abs(peaks[:, 1].max() - 127 * audio.max()) <= 1
    assert len(base64.b64decode(plot["spectrum"])) == plot["rows"] * plot["columns"]


def test_takes_are_those_that_the_command_plays(client, impulse_bank, tmp_path):
    from studio.workflows.preset_play import PlayOptions, play_takes

    play_takes("burst", [impulse_bank], tmp_path / "takes.wav", None, PlayOptions(takes=3, effort=0.5))
    reply = client.get("/bank/takes.wav", key=f"{impulse_bank.name}/burst", takes=3, effort=0.5)
    heard, _ = soundfile.read(io.BytesIO(reply.content), dtype="float32")
    assert np.array_equal(heard, soundfile.read(tmp_path / "takes.wav", dtype="float32")[0])
    assert reply.headers["content-disposition"].endswith("burst.wav")


def test_a_number_out_of_range_is_one_clear_line(client, impulse_bank):
    reply = client.get("/bank/takes.wav", key=f"{impulse_bank.name}/burst", takes=1000)
    assert (reply.status_code, reply.json()["problem"]) == (400, "Expected `int` <= 64 - at `$.takes`")


def test_the_api_document_names_every_route(client):
    document = client.http.get("/api/openapi.json").json()
    operations = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert operations == {(each.method, f"/api/sessions/{{session}}{each.path}") for each in all_endpoints()}
    assert document["components"]["schemas"]["Listing"]["properties"]["presets"]


def test_the_page_gets_the_panes_that_the_server_has(client):
    names = [pane["name"] for pane in client.http.get("/api/panes").json()]
    assert names == [pane.name for pane in PANES]
    for name in names:
        assert client.http.get(f"/static/panes/{name}.js").status_code == 200
