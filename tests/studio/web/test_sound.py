"""What the page hears is what is rendered, to the bit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from plugin_backend.errors import ProjectError
from plugin_backend.models.registry import load_codec
from presets.bank import Bank
from render.instrument.take_pool import TakeId, TakePool
from studio.web.library import Library, Models
from studio.web.sound.acts import Act
from studio.web.sound.engine import HOP_SAMPLES, SoundEngine, render_acts
from studio.web.sound.socket import HEADER


@pytest.fixture
def library(tmp_path, impulse_bank) -> Library:
    return Library([str(impulse_bank)], tmp_path / "own", Models(["pcm"]))


def blocks_of(socket, wanted_samples: int) -> tuple[int, np.ndarray]:
    """Return the first position and the sound that a socket sends."""
    first, pieces, held = None, [], 0
    while held < wanted_samples:
        message = socket.receive()
        if message.get("bytes") is None:
            continue
        start, count = HEADER.unpack(message["bytes"][: HEADER.size])
        first = int(start) if first is None else first
        audio = np.frombuffer(message["bytes"][HEADER.size :], "<f4")
        pieces.append(audio.reshape(2, count) if audio.size else np.zeros((2, count), np.float32))
        held += count
    return first, np.concatenate(pieces, axis=1)


def test_a_struck_preset_sounds_as_its_take(library, impulse_bank):
    key = f"{impulse_bank.name}/burst"
    engine = SoundEngine(library)
    heard = render_acts(library, [Act("bank", "strike", 1.0, key, at=700)], 60_000, engine)
    take = TakePool([load_codec("pcm")], 0).take(Bank(impulse_bank)["burst"], TakeId("strike 0"))
    begin = 700 + engine.latency_samples
    assert not heard[:, :begin].any()
    assert np.allclose(heard[:, begin : begin + len(take)], take, atol=1e-6)
    assert not heard[:, begin + len(take) :].any()


def test_the_socket_sends_what_is_rendered_and_no_more_than_is_wanted(client, library, impulse_bank):
    acts = [
        Act("bank", "strike", 1.0, f"{impulse_bank.name}/{name}", at=at) for name, at in (("burst", 0), ("tone", 5000))
    ]
    with client.socket("/sound") as socket:
        hello = socket.receive_json()
        assert (hello["type"], hello["rate_hz"], hello["position"]) == ("hello", 48_000, 0)
        for number, act in enumerate(acts, 1):
            socket.send_text(
                json.dumps(
                    {"type": "act", "to": act.to, "control": "strike", "text": act.text, "at": act.at, "id": number}
                )
            )
        socket.send_text('{"type":"act","to":"bank","control":"strike","text":"no/such","id":9}')
        while (message := socket.receive_json())["type"] != "refused":
            pass
        assert message["id"] == 9 and "no bank 'no'" in message["problem"]
        socket.send_text('{"type":"credit","played":0,"target":12288}')
        first, heard = blocks_of(socket, 12_288)
    assert first == 0 and heard.shape[1] == 12_288
    assert np.array_equal(heard, render_acts(library, acts, 12_288))


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[]",
        '{"type":"act"}',
        '{"type":"credit","played":-1,"target":0}',
        '{"type":"act","to":"bank","control":"nothing","id":1}',
    ],
)
def test_a_wrong_message_is_refused_and_the_stream_goes_on(client, message):
    with client.socket("/sound") as socket:
        socket.receive_json()
        socket.send_text(message)
        if "nothing" not in message:
            assert socket.receive_json()["type"] == "refused"
        socket.send_text('{"type":"credit","played":0,"target":512}')
        _, heard = blocks_of(socket, HOP_SAMPLES)
        assert not heard.any()


def test_a_session_plays_in_one_tab_only(client):
    with client.socket("/sound") as first, client.socket("/sound") as second:
        first.receive_json()
        assert second.receive()["code"] == 4409


@pytest.mark.parametrize(
    "effects", ['[{"name":"nothing"}]', '[{"name":"convolution","settings":{"ir":"/etc/passwd"}}]']
)
def test_effects_that_do_not_exist_or_read_files_are_refused(library, effects):
    with pytest.raises(ProjectError):
        SoundEngine(library).prepare(Act("shaped", "effects", text=effects))
