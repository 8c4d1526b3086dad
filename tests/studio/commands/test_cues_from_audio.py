"""``pisada cues from-audio`` as a person meets it."""

import csv
import struct

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.errors import AudioFileError, OutputError, ProjectError
from render.cues import read_cues
from render.project.timecode import RATES, Clock, samples_at
from render.wav.riff import append
from studio.commands.cues_from_audio import from_audio

RATE = 48_000
ONSETS = [samples_at(36, RATES["23.976"], RATE), 100_001, 150_150]
"""The first sample of a frame, a sample inside a frame, and the first sample of another frame."""


@pytest.fixture
def guide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    audio = np.zeros(4 * RATE, np.float32)
    audio[ONSETS] = [0.5, 0.125, 0.5]
    soundfile.write("guide.wav", audio, RATE, subtype="PCM_24")
    return tmp_path / "guide.wav"


def run(*arguments):
    return CliRunner().invoke(from_audio, [str(argument) for argument in arguments], catch_exceptions=False)


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_sheet_has_timecode_for_hits_on_frames(guide):
    message = run(guide, "--preset", "step-gravel", "--stem", "BOOTS", "--fps", "23.976", "--start-tc", "01:00:00:00")
    assert message.stdout == "guide.csv: 3 cues; render it, with --fps 23.976 --start-tc 01:00:00:00\n"
    assert [(row["id"], row["start"], row["stem"], row["preset"]) for row in table("guide.csv")] == [
        ("BOOTS-001", "01:00:01:12", "BOOTS", "step-gravel"),
        ("BOOTS-002", "100001smp", "BOOTS", "step-gravel"),
        ("BOOTS-003", "01:00:03:03", "BOOTS", "step-gravel"),
    ]
    sheet = read_cues(guide.with_suffix(".csv"), Clock(RATE, RATES["23.976"], 86_400))
    assert [(cue.start_samples, cue.velocity, cue.note) for cue in sheet.cues] == [
        (ONSETS[0], 1.0, "peak -6.0 dBFS"),
        (ONSETS[1], 0.5, "peak -18.1 dBFS"),
        (ONSETS[2], 1.0, "peak -6.0 dBFS"),
    ]


def test_without_rate_sheet_has_samples(guide):
    assert run(guide, "--out", "reel.csv").stdout == "reel.csv: 3 cues; render it\n"
    assert [row["start"] for row in table("reel.csv")] == [f"{onset}smp" for onset in ONSETS]
    assert [(cue.stem, cue.preset) for cue in read_cues(guide.with_name("reel.csv"), Clock(RATE)).cues] == [
        ("FEET", "step-stone")
    ] * 3


def test_broadcast_wav_lies_at_its_timestamp(guide):
    append(guide, b"bext", bytes(338) + struct.pack("<QH", 86_400 * 2002 + 48_048, 1) + bytes(254))
    run(guide, "--fps", "23.976", "--start-tc", "01:00:00:00")
    assert [row["start"] for row in table("guide.csv")] == ["01:00:02:12", "148049smp", "01:00:04:03"]
    message = run(guide, "--overwrite")
    assert message.stderr.startswith("note: its timestamp, sample 173020848 from midnight, is not used")


def test_cut_short_guide_is_reported(guide):
    whole = guide.read_bytes()
    guide.write_bytes(whole[:-300])
    message = run(guide)
    assert message.stderr == f"note: {guide}: the file is cut short: its data chunk ends 300 bytes past the file\n"
    at = whole.index(b"data") + 4
    guide.write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])  # written to a pipe: no size is known
    assert run(guide, "--overwrite").stderr == ""


def test_sensitivity_and_gap_are_used(guide):
    run(guide, "--min-gap-ms", 1500)
    assert [row["start"] for row in table("guide.csv")] == [f"{ONSETS[0]}smp", f"{ONSETS[2]}smp"]


def test_existing_sheet_is_kept_without_overwrite(guide):
    run(guide)
    guide.with_suffix(".csv").write_text("mine")
    with pytest.raises(OutputError, match="guide.csv: is there already; give another name, or --overwrite"):
        run(guide)
    assert guide.with_suffix(".csv").read_text() == "mine"
    before = guide.read_bytes()
    with pytest.raises(
        OutputError, match="guide.wav: this is the input file, which is never replaced; give another name$"
    ):
        run(guide, "--out", guide, "--overwrite")
    assert guide.read_bytes() == before


def test_nothing_is_written_if_nothing_is_found(guide, tmp_path):
    soundfile.write("silence.wav", np.zeros(RATE), RATE)
    with pytest.raises(AudioFileError, match="silence.wav: no hits were found") as message:
        run("silence.wav")
    assert message.value.exit_status == 2
    with pytest.raises(ProjectError, match="needs a frame rate"):
        run(guide, "--start-tc", "01:00:00:00")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["guide.wav", "silence.wav"]


def test_help_ends_with_an_example():
    assert run("--help").stdout.rstrip().endswith("--fps 23.976 --start-tc 01:00:00:00")
