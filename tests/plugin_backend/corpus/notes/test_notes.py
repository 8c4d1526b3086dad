"""Notes in the layout of NSynth: made from a soundfont, read again, and refused in one line if they are wrong."""

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_backend.corpus.notes import soundfonts
from plugin_backend.corpus.notes.build import NoteSetOptions, build_note_set, split_of
from plugin_backend.corpus.notes.layout import FAMILIES, is_note_folder, read_notes
from plugin_backend.corpus.notes.soundfonts import programs_of
from plugin_backend.errors import AudioFileError, OutputError, PisadaError, ProjectError

SOUNDFONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
RATE = 16_000
needs_fluidsynth = pytest.mark.skipif(
    not (SOUNDFONT.is_file() and shutil.which("fluidsynth")), reason="needs fluidsynth and timgm6mb-soundfont (Debian)"
)
ENTRY = {
    "note": 7, "note_str": "bass_synthetic_033-060-100", "instrument": 417, "instrument_str": "bass_synthetic_033",
    "pitch": 60, "velocity": 100, "sample_rate": RATE, "qualities": [0, 1] * 5, "qualities_str": ["dark"],
    "instrument_family": 0, "instrument_family_str": "bass", "instrument_source": 2,
    "instrument_source_str": "synthetic",
}  # fmt: skip
NAME = ENTRY["note_str"]


def make_set(folder: Path, audio: np.ndarray | None = None, rate_hz: int = RATE, **fields: object) -> Path:
    """Write one note in the layout of NSynth, with some fields changed, and return its folder."""
    (folder / "audio").mkdir(parents=True)
    soundfile.write(folder / "audio" / f"{NAME}.wav", np.full(800, 0.25) if audio is None else audio, rate_hz, "FLOAT")
    (folder / "examples.json").write_text(json.dumps({NAME: ENTRY | fields}))
    return folder


@needs_fluidsynth
def test_a_soundfont_becomes_notes_that_are_cut_exactly_and_keep_their_pitch(tmp_path):
    options = NoteSetOptions(
        held_out=SOUNDFONT,
        pitches=(60, 69),
        velocities=(100,),
        programs=(0, 19, 73),
        rate_hz=RATE,
        hold_s=0.4,
        decay_s=0.2,
    )
    report = build_note_set(tmp_path / "set", options, say=lambda _: None)
    assert report.splits == {"test": 6}
    notes = read_notes(tmp_path / "set")
    assert [(note.row.instrument_family_str, note.row.pitch) for note in notes] == [
        (family, pitch) for family in ("flute", "keyboard", "organ") for pitch in (60, 69)
    ]
    for note in notes:
        audio = note.read(RATE)
        assert audio.size == 9600
        assert np.flatnonzero(np.abs(audio) > 1e-3)[0] < 500
        spectrum = np.abs(np.fft.rfft(audio * np.hanning(9600), 1 << 17))
        hz = 440 * 2 ** ((note.pitch - 69) / 12)
        partial = max(range(1, 5), key=lambda k: spectrum[round(k * hz / RATE * (1 << 17))])
        near = slice(*(round(partial * hz * by / RATE * (1 << 17)) for by in (0.97, 1.03)))
        found = (near.start + spectrum[near].argmax()) * RATE / (1 << 17) / partial
        assert abs(1200 * np.log2(found / hz)) < 12
        assert note.row.instrument_family == FAMILIES.index(note.row.instrument_family_str)
    again = build_note_set(tmp_path / "again", options, say=lambda _: None)
    assert again == report
    assert all((tmp_path / "again" / note.path.relative_to(tmp_path / "set")).read_bytes() == note.path.read_bytes()
               for note in notes)  # fmt: skip
    with pytest.raises(OutputError, match="is there already"):
        build_note_set(tmp_path / "set", options)


@needs_fluidsynth
def test_no_instrument_is_in_two_splits_and_what_is_no_soundfont_leaves_nothing(tmp_path):
    assert programs_of(SOUNDFONT) == list(range(128))
    assert [split_of(number) for number in (0, 8, 9, 19, 20)] == ["train", "train", "valid", "valid", "train"]
    cut = tmp_path / "cut.sf2"
    content = SOUNDFONT.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    made_up = tmp_path / "made_up.sf2"  # a true list of programs, but no samples
    records = b"".join(struct.pack("<20sHH14x", b"x", program, 0) for program in (0, 255))
    body = b"sfbk" + struct.pack("<4sI4s4sI", b"LIST", len(records) + 12, b"pdta", b"phdr", len(records)) + records
    made_up.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    for wrong in (cut, made_up, tmp_path / "absent.sf2", tmp_path):
        with pytest.raises(AudioFileError, match=wrong.name):
            build_note_set(tmp_path / "set", NoteSetOptions([wrong]), say=lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.sf2", "made_up.sf2"]


def test_without_fluidsynth_the_line_that_installs_it_is_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(soundfonts.shutil, "which", lambda _: None)
    with pytest.raises(PisadaError, match="apt-get install fluidsynth"):
        next(soundfonts.play_notes(tmp_path / "any.sf2", [soundfonts.PlayedNote(0, 60, 100)], RATE, 1, 1))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"pitches": (128,), "voices": True},
        {"velocities": (0,), "voices": True},
        {"programs": (127,), "voices": True},
        {"rate_hz": 44_101, "voices": True},
        {"hold_s": float("nan"), "voices": True},
        {"soundfonts": [SOUNDFONT], "held_out": SOUNDFONT},
    ],
)
def test_options_that_build_nothing_are_refused(tmp_path, fields):
    with pytest.raises(ProjectError, match="corpus-notes: "):
        build_note_set(tmp_path / "set", NoteSetOptions(**fields))


def test_the_layout_of_nsynth_is_read_as_it_is(tmp_path):
    folder = make_set(tmp_path / "nsynth-valid")
    assert is_note_folder(folder) and is_note_folder(tmp_path) and not is_note_folder(folder / "audio")
    (note,) = read_notes(tmp_path)
    assert (note.pitch, note.row.velocity, note.split, note.row.qualities_str) == (60, 100, "valid", ["dark"])
    assert read_notes(folder, ["valid"]) == [note]
    assert note.read(RATE).tolist() == [0.25] * 800
    assert note.read(2 * RATE).size == pytest.approx(1600, abs=1)
    with pytest.raises(AudioFileError, match="holds no notes of train"):
        read_notes(tmp_path, ["train"])


@pytest.mark.parametrize(
    ("audio", "rate_hz", "message"),
    [
        (np.zeros(0), RATE, "no samples"),
        (np.full(100, np.nan), RATE, "NaN"),
        (np.ones(100), 22_050, "a rate of 22050 Hz; examples.json says 16000 Hz"),
        (np.zeros(61 * RATE), RATE, "61 s; more than 0 and at most 60 s"),
    ],
)
def test_audio_that_is_wrong_is_one_line_with_the_files_name(tmp_path, audio, rate_hz, message):
    (note,) = read_notes(make_set(tmp_path / "set", audio, rate_hz))
    with pytest.raises(AudioFileError, match=message) as refused:
        note.read(RATE)
    assert str(refused.value).startswith(str(note.path)) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"pitch": 128}, {"pitch": "60"}, {"velocity": 0}, {"sample_rate": 10**9}, {"note_str": "../../etc/passwd"},
        {"note_str": "other"}, {"qualities": "dark"}, {"qualities": [0] * 65}, {"instrument_str": ""}, {"note": -1},
        {"exact_pitch": 1e9}, {"instrument_family_str": None},
    ],
)  # fmt: skip
def test_a_field_that_is_wrong_is_one_line_with_the_lists_name(tmp_path, fields):
    folder = make_set(tmp_path / "set", **fields)
    with pytest.raises(AudioFileError, match=next(iter(fields))) as refused:
        read_notes(folder)
    assert str(refused.value).startswith(str(folder / "examples.json")) and "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"a": 1}', b"null"])
def test_a_list_that_is_none_is_one_line(tmp_path, content):
    folder = make_set(tmp_path / "set")
    (folder / "examples.json").write_bytes(content)
    with pytest.raises(AudioFileError, match="examples.json"):
        read_notes(folder)


def test_a_folder_without_list_or_a_list_without_audio_is_one_line(tmp_path):
    with pytest.raises(AudioFileError, match="no examples.json"):
        read_notes(tmp_path)
    folder = make_set(tmp_path / "set")
    shutil.rmtree(folder / "audio")
    with pytest.raises(AudioFileError, match=rf"audio/{NAME}.wav is absent"):
        read_notes(folder)
