"""Strikes at a note: by the latent of the pitch where the model has one, else by speed."""

import numpy as np
import pytest

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.errors import ProjectError
from presets.capture import encode_pieces
from render.instrument.actions import Action, split_note
from render.live.instrument import Instrument
from render.live.rig import Rig
from tests.plugin_backend.models.tone_family import MIDDLE_C_HZ, ToneCodec, tone

RATE, HOP = 48_000, 14_400
PITCHED = ToneCodec(CodecSpec("notes", "0" * 16, RATE, HOP, 5, 0, "vector", pitch_dim=3, loudness_dim=4))
PLAIN = ToneCodec(CodecSpec("plain", "1" * 16, RATE, HOP, 3, 0, "vector"))


def played(codec, *actions, samples=RATE):
    """Return the output of an instrument of one preset, ``bell``, in silence, aligned with its input."""
    preset = encode_pieces(codec, "bell", [tone(69, 0.3, RATE)], "hit")
    rig = Rig(preset="bell", mode="hits", block_samples=512, ceiling_on=False, pads={"40": "bell@57"})
    instrument = Instrument(rig, codec, {"bell": preset})
    for action in actions:
        action = instrument.resolve(action)
        instrument.prepare(action)
        assert instrument.ready(action)
        instrument.act(action)
    blocks = range(0, samples + instrument.latency_samples, 512)
    out = np.concatenate([instrument.push(np.zeros((1, 512), np.float32)) for _ in blocks], axis=1)[0]
    return out[instrument.latency_samples :][:samples]


def pitch_hz(audio):
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 2**18))
    return power.argmax() * RATE / 2**18


@pytest.mark.parametrize(
    ("codec", "own_hz", "own_note"), [(PITCHED, 440, 69), (PLAIN, MIDDLE_C_HZ, 60)], ids=["by latent", "by speed"]
)
def test_a_strike_at_a_note_is_that_note_from_its_sample_on(codec, own_hz, own_note):
    for text, note in (("bell", own_note), ("bell@81", 81), ("40", 57)):
        out = played(codec, Action(1_001, "strike", 1.0, text))
        sounding = np.flatnonzero(np.abs(out) > 1e-5)
        assert 1_001 <= sounding[0] < 1_060
        octaves = (note - own_note) / 12
        assert pitch_hz(out[sounding[0] : sounding[-1]]) == pytest.approx(own_hz * 2**octaves, rel=0.005)
        length = HOP if codec is PITCHED else HOP / 2**octaves
        assert sounding[-1] - 1_001 == pytest.approx(length, abs=60)


def test_names_with_notes_are_checked_and_identify_the_same_preset():
    assert split_note("bell@72") == ("bell", 72) and split_note("bell") == ("bell", None)
    assert split_note("a@b.preset.safetensors") == ("a@b.preset.safetensors", None)
    with pytest.raises(ProjectError, match="note 128 of 'bell@128': notes are 0 to 127"):
        played(PITCHED, Action(0, "strike", 1.0, "bell@128"))
    preset = encode_pieces(PITCHED, "bell", [tone(69, 0.3, RATE)], "hit")
    instrument = Instrument(Rig(preset="bell", mode="hits"), PITCHED, {"bell": preset})
    assert instrument.digest("bell@72") == instrument.digest("bell")
    assert instrument.resolve(Action(0, "release", text="bell@72")).text == "bell@72"
