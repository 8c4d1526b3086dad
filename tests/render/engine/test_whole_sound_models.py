"""Cues of models that describe a whole sound by one vector: short and long, with a source, pitched, at any rate."""

import math

import mido
import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from plugin_backend.errors import CueSheetError
from plugin_backend.models import registry
from plugin_backend.models.registry import load_codec
from presets.bank import FACTORY_BANK, Bank
from presets.capture import encode_pieces
from presets.decoded_takes import LEAD_SAMPLES
from presets.performance.performance import performance_of
from presets.store import save_preset
from render.engine.clip_joining import cut_into_clips, join_clips, overlap_samples, stride_samples
from render.engine.make_plan import make_plan
from render.engine.stream import STREAM_CHUNK_FRAMES, RenderProcess
from render.plan.resolve import read_sheet
from render.project.project import Midi, Project
from tests.plugin_backend.models.tone_family import MIDDLE_C_HZ, MODULE, NAME, render_with_tones, tone, write_model

NOTES_HZ, NOTES_HOP = 44_100, 13_230
PLAIN_HZ, PLAIN_HOP = 48_000, 9_600
THUD = LEAD_SAMPLES + 8_000


@pytest.fixture(autouse=True)
def family(monkeypatch):
    monkeypatch.setitem(registry.FAMILIES, NAME, MODULE)


@pytest.fixture
def models(tmp_path) -> list[str]:
    """A model of notes at 44.1 kHz with pitch, and one at the project's rate without."""
    return [
        str(write_model(tmp_path / "notes.safetensors", NOTES_HZ, NOTES_HOP, True)),
        str(write_model(tmp_path / "plain.safetensors", PLAIN_HZ, PLAIN_HOP, False)),
    ]


@pytest.fixture
def bank(tmp_path, models):
    folder, notes, plain = tmp_path / "bank", *map(load_codec, models)
    pieces = [tone(69, 0.3, NOTES_HZ, level) for level in (0.2, 0.3)]
    save_preset(encode_pieces(notes, "note", pieces, "hit", program=5), folder)
    pieces = [np.full(PLAIN_HOP, level, np.float32) for level in (0.1, 0.2, 0.4)]
    save_preset(encode_pieces(plain, "thud", [each[:8_000] for each in pieces], "hit", program=6), folder)
    save_preset(encode_pieces(plain, "hum", pieces, "texture", fade_in_samples=0, fade_out_samples=0), folder)
    return folder


@pytest.fixture
def rendered(models, bank, write_sheet, render_sheet, monkeypatch):
    """Return a function from rows to stems by name, with all models."""
    monkeypatch.setattr(RenderProcess, "target", staticmethod(render_with_tones))

    def render(rows, out="out", **fields):
        fields = {"models": [*models, "foley"], "bank": [str(bank), str(FACTORY_BANK)]} | fields
        return render_sheet(write_sheet(rows), out=out, bits=32, **fields)[0]

    return render


@pytest.fixture
def planned(models, bank):
    """Return a function from a sheet to its plan."""

    def plan(sheet, **fields):
        project = Project(models=models, bank=[str(bank)], **fields)
        return make_plan(project, read_sheet(sheet, project))

    return plan


def loudest_hz(audio: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 2**18))
    return float(power.argmax() * 48_000 / 2**18)


def test_clips_are_joined_at_equal_power_and_cut_where_they_are_joined(models):
    spec = load_codec(models[1]).spec
    overlap, stride = overlap_samples(spec), stride_samples(spec)
    noise = np.random.default_rng(0).standard_normal((4, 1, PLAIN_HOP)).astype(np.float32)
    joined = np.concatenate(list(join_clips(iter(noise), spec)), axis=1)[0]
    assert joined.size == 3 * stride + PLAIN_HOP
    np.testing.assert_array_equal(joined[:stride], noise[0, 0, :stride])
    np.testing.assert_array_equal(joined[-stride:], noise[3, 0, overlap:])
    ramp = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / overlap)
    expected = noise[0, 0, stride:] * ramp[::-1] + noise[1, 0, :overlap] * ramp
    np.testing.assert_allclose(joined[stride:PLAIN_HOP], expected, atol=1e-5)
    np.testing.assert_allclose(ramp**2 + ramp[::-1] ** 2, 1, atol=1e-12)
    sound = np.arange(2 * stride + PLAIN_HOP + 5, dtype=np.float32)
    for sizes in ([sound.size], [1, 7_777, 20_000]):
        clips = list(cut_into_clips(iter(np.split(sound, np.cumsum(sizes)[:-1])), spec))
        assert [clip[0] for clip in clips] == [0, stride, 2 * stride, 3 * stride]
        assert clips[3][overlap + 4] == sound[-1] and not clips[3][overlap + 5 :].any()
    assert len(list(cut_into_clips(iter([sound[:PLAIN_HOP]]), spec))) == 1 and not list(cut_into_clips(iter([]), spec))


def test_a_short_cue_fades_and_a_long_one_ends_with_its_sound(rendered, planned, write_sheet):
    rows = [
        {"id": "short", "start": "100smp", "duration": "3000smp", "stem": "A", "preset": "thud"},
        {"id": "long", "start": "20000smp", "duration": "30000smp", "stem": "A", "preset": "thud"},
    ]
    plan = planned(write_sheet(rows))
    assert [event.length_samples for event in plan.events] == [3_000, THUD]
    assert plan.remarks == ("cue 'long' (row 3) asks for more than its sound has; it ends early",)
    stem, bank = rendered(rows)["A"][:, 0], Bank(plan.bank)
    for event in plan.events:
        performance = performance_of(bank["thud"], event.draw, load_codec(event.codec).spec)
        decoded = load_codec(event.codec).decode(next(performance.latents()))[0]
        start, end = event.start_samples, event.end_samples
        played, sound = stem[start:end], decoded[: event.length_samples] * np.float32(np.sqrt(0.5))
        fade = event.fade_out_samples
        assert fade == 480
        np.testing.assert_allclose(played[48:-fade], sound[48:-fade], atol=1e-6)
        assert np.abs(played[-10:]).max() < 0.01 * np.abs(sound).max() and not stem[end : end + 5_000].any()


def test_a_texture_repeats_new_sounds_that_overlap_and_does_not_depend_on_its_length(rendered, planned, write_sheet):
    row = {"id": "h", "start": "0smp", "duration": "40000smp", "stem": "A", "preset": "hum"}
    stem = rendered([row])["A"][:, 0]
    shorter = rendered([row | {"duration": "25001smp"}], out="shorter")["A"][:, 0]
    assert np.array_equal(stem[:25_001], shorter[:25_001]) and not shorter[25_001:40_000].any()
    (event,) = planned(write_sheet([row])).events
    preset, codec = Bank(planned(write_sheet([row])).bank)["hum"], load_codec(event.codec)
    vectors = performance_of(preset, event.draw, codec.spec).latents()
    clips = [codec.decode(next(vectors)) for _ in range(6)]
    joined = np.concatenate(list(join_clips(iter(clips), codec.spec)), axis=1)[0, :40_000]
    np.testing.assert_allclose(stem[:40_000], joined * np.float32(np.sqrt(0.5)), atol=1e-6)
    levels = np.sqrt(np.square(joined[: 5 * 7_200].reshape(5, -1)).mean(1))
    assert levels.min() > 0.05 and len(set(levels.round(5))) == 5


def test_a_source_over_several_sounds_is_encoded_clip_by_clip(rendered, models, tmp_path):
    sound = 0.3 * np.random.default_rng(2).standard_normal(26_000)
    soundfile.write(tmp_path / "s.wav", sound, 48_000, subtype="FLOAT")
    row = {"id": "s", "start": "0smp", "stem": "A", "source": "s.wav", "preset": "thud"}
    stem = rendered([row])["A"][:, 0]
    assert not stem[26_000:].any() and np.abs(stem[25_000:25_500]).max() > 0.05
    codec = load_codec(models[1])
    clips = [codec.decode(codec.encode(clip[None])) for clip in cut_into_clips(iter([np.float32(sound)]), codec.spec)]
    assert len(clips) == 4
    joined = np.concatenate(list(join_clips(iter(clips), codec.spec)), axis=1)[0, :26_000]
    played = stem[300:25_700] / np.sqrt(0.5)
    np.testing.assert_allclose(played, joined[300:25_700], atol=2e-3)  # without its slow changes of level (DC filter)


@pytest.mark.parametrize(("preset", "hz"), [("note", 440.0), ("thud", MIDDLE_C_HZ)])
def test_the_pitch_column_pitches_by_the_model_where_it_can_else_by_speed(preset, hz, rendered, planned, write_sheet):
    rows = [
        {"id": f"{semitones}", "start": f"{at}smp", "stem": "A", "preset": preset, "pitch_semitones": semitones}
        for semitones, at in ((0, 0), (7, 24_000), (-12, 48_000))
    ]
    events = planned(write_sheet(rows)).events
    lengths = [event.length_samples for event in events]
    stem = rendered(rows)["A"][:, 0]
    for event, ratio in zip(events, (1, 2 ** (7 / 12), 0.5), strict=True):
        played = stem[event.start_samples + 500 : event.end_samples - 500]
        assert 1200 * abs(math.log2(loudest_hz(played) / hz / ratio)) < 10
        assert np.abs(stem[event.end_samples : event.start_samples + 23_000]).max(initial=0) == 0
    whole = THUD if preset == "thud" else -(-NOTES_HOP * 48_000 // NOTES_HZ)
    expected = [whole, -(-whole // 2 ** (7 / 12)), 2 * whole] if preset == "thud" else [whole] * 3
    assert lengths == expected


def test_midi_notes_pitch_a_sound_from_its_own_note(planned, tmp_path):
    file, track = mido.MidiFile(), mido.MidiTrack()
    file.tracks.append(track)
    for program, note in ((5, 69), (5, 60), (6, 67), (6, 36), (0, 50)):
        track += [
            mido.Message("program_change", program=program),
            mido.Message("note_on", note=note, time=480),
            mido.Message("note_off", note=note, time=100),
        ]
    file.save(tmp_path / "n.mid")
    midi = Midi(notes={"50": "note"})
    events = planned(tmp_path / "n.mid", midi=midi).events
    semitones = [round(event.pitch_semitones, 1) for event in events]
    assert semitones == [0.0, -9.0, 7.0, -24.0, 0.0]
    assert [event.pitch_dim for event in events] == [3, 3, None, None, 3]
    track += [mido.Message("program_change", program=6), mido.Message("note_on", note=120)]
    file.save(tmp_path / "n.mid")
    with pytest.raises(CueSheetError, match=r"'midi_note': note 120 is \+60\.0 semitones .* -48 to 48 can be played"):
        planned(tmp_path / "n.mid", midi=midi)


def test_a_model_at_another_rate_is_exact(rendered, planned, write_sheet):
    rows = [{"id": "n", "start": "1234smp", "stem": "A", "preset": "note", "sync": "onset"}]
    plan = planned(write_sheet(rows))
    (event,) = plan.events
    codec = load_codec(event.codec)
    decoded = codec.decode(next(performance_of(Bank(plan.bank)["note"], event.draw, codec.spec).latents()))[0]
    expected = resample_poly(decoded.astype(np.float64), 160, 147)
    stem = rendered(rows)["A"][:, 0]
    played = stem[1234 : 1234 + len(expected)] / np.sqrt(0.5)
    inside = slice(600, len(expected) - event.fade_out_samples - 200)
    np.testing.assert_allclose(played[inside], expected[inside], atol=2e-3 * np.abs(expected).max())
    assert not stem[:1234].any() and not stem[event.end_samples :].any()


@pytest.mark.slow
def test_three_models_on_one_sheet_give_the_same_samples_however_they_are_rendered(rendered, tmp_path):
    soundfile.write(tmp_path / "s.wav", tone(62, 0.9, 48_000), 48_000)
    rows = [
        {"id": "f", "start": "500smp", "stem": "FEET", "preset": "step-gravel"},
        *[
            {"id": f"n{at}", "start": f"{at}smp", "stem": "FEET", "preset": "note", "pitch_semitones": at % 7}
            for at in (700, 9_000, 20_011)
        ],
        {"id": "t", "start": "3000smp", "stem": "PROPS", "preset": "thud", "pitch_semitones": -3},
        {"id": "h", "start": "1smp", "duration": "50000smp", "stem": "AMB", "preset": "hum"},
        {"id": "s", "start": "60000smp", "stem": "PROPS", "preset": "note", "source": "s.wav", "pitch_semitones": 5},
    ]
    whole = rendered(rows)
    assert all(np.abs(audio).max() > 0.01 for audio in whole.values())
    streamed = rendered(rows, out="streamed", jobs=2, chunk_frames=STREAM_CHUNK_FRAMES)
    assert all(np.array_equal(streamed[name], audio) for name, audio in whole.items())
