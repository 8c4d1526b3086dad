"""The routes of the pane Instrument: history, sources, recordings, and the presets that it makes."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from presets.bank import Bank
from studio.web.library import Library, Models
from studio.web.shaping import MOST_STEPS, History, Patch
from studio.web.sound.acts import Act, Source
from studio.web.sound.engine import HOP_SAMPLES, SoundEngine, render_played


def patch(bank, **fields):
    return {"preset": f"{bank.name}/burst", **fields}


def pushed(engine: SoundEngine, hops: int) -> np.ndarray:
    return np.concatenate([engine.push() for _ in range(hops)], axis=1)


def test_a_state_is_undone_redone_and_kept_after_a_restart(client, settings, impulse_bank):
    from tests.studio.web.conftest import Client

    states = [patch(impulse_bank, values={"smooth_ms": float(value)}) for value in (10, 20, 30)]
    for state in states:
        client.post("/instrument", patch=state)
    assert client.post("/instrument/undo").json()["patch"]["values"] == {"smooth_ms": 20.0}
    assert client.post("/instrument/undo").json()["patch"]["values"] == {"smooth_ms": 10.0}
    redone = client.post("/instrument/redo").json()
    assert (redone["patch"]["values"], redone["can_undo"], redone["can_redo"]) == ({"smooth_ms": 20.0}, True, True)
    later = Client(settings)
    reopened = later.http.post("/api/sessions", json={"session": client.session}).json()["session"]
    assert reopened == client.session
    assert later.http.get(later.path("/instrument", reopened)).json()["patch"]["values"] == {"smooth_ms": 20.0}


def test_the_history_forgets_its_oldest_steps_and_what_was_undone():
    history = History(Patch())
    for number in range(MOST_STEPS + 50):
        history.add(Patch(values={"morph": number / 1000}))
    history.step(-1)
    history.add(Patch(values={"morph": 1.0}))
    assert not history.can_redo
    steps = 0
    while history.can_undo:
        history.step(-1)
        steps += 1
    assert steps == MOST_STEPS - 1


def test_two_tabs_have_two_instruments(client, impulse_bank):
    client.post("/instrument", patch=patch(impulse_bank))
    other = client.http.post("/api/sessions").json()["session"]
    assert client.http.get(client.path("/instrument", other)).json()["patch"]["preset"] == ""


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"preset": "no/such"}, "no bank 'no'"),
        ({"effects": [{"name": "nothing"}]}, "no effect 'nothing'"),
        ({"values": {"morph": "much"}}, "Expected"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_wrong_state_is_one_clear_line_and_changes_nothing(client, impulse_bank, changed, problem):
    client.post("/instrument", patch=patch(impulse_bank))
    reply = client.post("/instrument", patch=patch(impulse_bank) | changed)
    assert reply.status_code == 400 and problem in reply.json()["problem"]
    assert client.get("/instrument").json()["patch"]["preset"] == f"{impulse_bank.name}/burst"


def test_a_saved_preset_sounds_as_it_was_shaped(client, impulse_bank):
    values = {"latent.0.scale": 0.5, "latent.3.on": 0.0}
    client.post(
        "/instrument", patch=patch(impulse_bank, values=values, effects=[{"name": "gain", "settings": {"gain_db": -6}}])
    )
    assert client.post("/instrument/save", name="Not a name").status_code == 400
    assert client.post("/instrument/save", name="new", bank=impulse_bank.name + "x").status_code == 400
    assert client.post("/instrument/save", name="new").json() == {"key": "own/new"}
    assert "exists" in client.post("/instrument/save", name="new").json()["problem"]
    rows = client.get("/bank/presets").json()["presets"]
    assert rows[0]["key"] == "own/new"
    folder = client.settings.work / "sessions" / client.session / "bank"
    saved, before = Bank(folder)["new"], Bank(impulse_bank)["burst"]
    assert np.allclose(saved.means[0][:, 0], 0.5 * before.means[0][:, 0])
    assert not saved.means[0][:, 3].any()
    assert np.array_equal(saved.means[0][:, 5], before.means[0][:, 5])
    assert saved.header.chain == [{"type": "gain", "gain_db": -6}]


def test_controls_change_notes_while_they_sound(tmp_path, impulse_bank):
    library = Library([str(impulse_bank)], tmp_path / "own", Models(["pcm"]))
    engine = SoundEngine(library)
    for act in (
        Act("shaped", "strike", 1.0, f"{impulse_bank.name}/tone"),
        Act("bank", "strike", 1.0, f"{impulse_bank.name}/tone", at=96_000),
    ):
        engine.prepare(act)
        engine.act(act)
    loud = np.abs(pushed(engine, 20)).max()
    for latent in range(512):
        engine.act(Act("shaped", f"latent.{latent}.scale", 0.25))
    engine.push()
    engine.push()
    assert np.abs(pushed(engine, 10)).max() == pytest.approx(0.25 * loud, rel=0.02)
    pushed(engine, 180)
    assert np.abs(pushed(engine, 10)).max() == pytest.approx(1.25 * loud, rel=0.05)


def test_what_was_played_is_rendered_again_to_the_sample(tmp_path, impulse_bank):
    library = Library([str(impulse_bank)], tmp_path / "own", Models(["pcm"]))
    clip = np.random.default_rng(0).standard_normal((1, 30_000)).astype(np.float32) * 0.1
    engine = SoundEngine(library, clips=lambda name: clip)
    pushed(engine, 7)
    engine.start_log()
    source = Act("input", "source", text=f'{{"preset":"{impulse_bank.name}/burst"}}')
    acts = [
        Act("all", "restart"),
        Act("shaped", "effects", text='[{"name":"lfo","settings":{"rate_hz":3.0}}]'),
        Act("shaped", "strike", 0.7, f"{impulse_bank.name}/burst"),
        source,
        Act("clip", "strike", 0.5, "any"),
        Act("shaped", "latent.4.bias", 0.3),
        Act("shaped", "fx.0.rate_hz", 9.0),
        Act("bank", "strike", 1.0, f"{impulse_bank.name}/hum", 5),
        Act("all", "release", key=-1),
    ]
    heard, rng = [], np.random.default_rng(1)
    for act in acts:
        engine.prepare(act)
        engine.act(act)
        for _ in range(9):
            engine.microphone.put(rng.standard_normal(400).astype(np.float32) * 0.05)
            heard.append(engine.push())
    played = engine.end_log()
    heard = np.concatenate(heard, axis=1)
    assert played.length_samples == heard.shape[1] and len(played.microphone)
    assert np.abs(heard).max() > 0.01
    assert np.array_equal(render_played(library, played, lambda name: clip), heard)


def test_a_recording_goes_through_a_preset(client, impulse_bank):
    file = io.BytesIO()
    soundfile.write(file, np.full(24_000, 0.25, np.float32), 24_000, format="FLAC")
    reply = client.http.put(client.path("/instrument/sound"), params={"name": "door.flac"}, content=file.getvalue())
    sound = reply.json()
    assert (sound["title"], sound["seconds"]) == ("door.flac", 1.0)
    engine = client.http.app._app.state.sessions[client.session].engine
    act = Act("input", "source", text='{{"preset":"{}/burst","clip":"{}"}}'.format(impulse_bank.name, sound["clip"]))
    engine.prepare(act)
    engine.act(act)
    assert np.abs(pushed(engine, 40)).max() > 0.01
    engine.act(Act("input", "source"))
    pushed(engine, 4)
    assert not pushed(engine, 4).any()


@pytest.mark.parametrize("content", [b"", b"RIFF", b"PK\x03\x04" + bytes(100), b"\x00" * 5000])
def test_a_file_that_is_no_recording_is_refused_by_its_own_name(client, content):
    reply = client.http.put(client.path("/instrument/sound"), params={"name": "../../x.wav"}, content=content)
    assert reply.status_code == 400
    assert "x.wav" in reply.json()["problem"] and str(client.settings.work) not in reply.json()["problem"]
    assert list((client.settings.work / "sessions" / client.session / "uploads").iterdir()) == []


def test_a_large_upload_is_refused_and_nothing_is_left(settings):
    from dataclasses import replace

    from studio.web.settings import Limits
    from tests.studio.web.conftest import Client

    client = Client(replace(settings, limits=Limits(upload_bytes=1000)))
    for content in (b"x" * 5000, iter([b"x" * 600] * 5)):
        reply = client.http.put(client.path("/instrument/sound"), params={"name": "a.wav"}, content=content)
        assert reply.status_code == 413
    assert not [path for path in client.settings.work.rglob("*") if path.is_file()]


def test_takes_of_the_instrument_are_a_file(client, impulse_bank):
    assert client.get("/instrument/takes.wav").status_code == 400
    client.post("/instrument", patch=patch(impulse_bank))
    audio, rate = soundfile.read(io.BytesIO(client.get("/instrument/takes.wav", takes=2).content))
    assert rate == 48_000 and audio.shape[1] == 2
    assert np.abs(audio[:48_000]).max() > 0.1 and np.abs(audio[len(audio) // 2 :]).max() > 0.1


def test_a_source_names_a_mode_that_exists():
    import msgspec

    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode('{"preset":"a/b","mode":"reverse"}', type=Source)
    assert HOP_SAMPLES == 512


def test_a_recording_is_there_after_the_studio_was_closed(client, settings, impulse_bank):
    from tests.studio.web.conftest import Client

    client.post("/instrument", patch=patch(impulse_bank, values={"latent.0.scale": 0.5}))
    assert client.post("/instrument/record", do="end").status_code == 400
    client.post("/instrument/record", do="begin")
    engine = client.http.app._app.state.sessions[client.session].engine
    act = Act("shaped", "strike", 1.0, f"{impulse_bank.name}/burst")
    engine.prepare(act)
    engine.act(act)
    heard = pushed(engine, 30)
    made = client.post("/instrument/record", do="end").json()
    assert (made["number"], made["seconds"]) == (1, heard.shape[1] / 48_000)
    later = Client(settings)
    later.session = later.http.post("/api/sessions", json={"session": client.session}).json()["session"]
    assert later.get("/instrument/recordings").json() == [made]
    audio, _ = soundfile.read(io.BytesIO(later.get("/instrument/recording.wav", number=1).content), dtype="float32")
    assert np.array_equal(audio.T, heard)
    (settings.work / "sessions" / client.session / "recordings" / "1.json").write_bytes(b"{")
    assert "damaged" in later.get("/instrument/recording.wav", number=1).json()["problem"]
    assert later.get("/instrument/recording.wav", number=2).status_code == 400
