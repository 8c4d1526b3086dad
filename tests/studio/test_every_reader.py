"""Files that say the wrong of their length come whole through every command that reads recordings."""

import csv
import json
import struct
from pathlib import Path

import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.effects.impulse_responses import impulse_response
from plugin_backend.evaluation.data.read_folder import read_folder
from presets.bank import Bank
from render.cues.readers.bwf import read_bwf
from render.project.timecode import RATES, Clock
from studio.cli import pisada
from tests.plugin_backend.lying_files import encoded, flac_that_states, hits, mp3, patched, without_length

RATE = 44_100
SECONDS = 6
GOES_ON = "continues 661500 bytes after the length that it states: read to the end of the file"


def streamed_wav() -> bytes:
    return patched(encoded(hits(SECONDS, RATE), RATE, "WAV", "PCM_24"), b"data", "<I", 3 * RATE)


FILES = {  # name → bytes, number of samples, printed remark
    "streamed.mp3": (without_length(mp3(SECONDS))[0], 231 * 1152, ""),
    "joined.mp3": (mp3(2) + mp3(4, seed=1), SECONDS * RATE, "2 recordings joined: read as one"),
    "streamed.flac": (flac_that_states(encoded(hits(SECONDS, RATE), RATE, "FLAC", "PCM_16"), 0), SECONDS * RATE, ""),
    "grown.wav": (streamed_wav(), SECONDS * RATE, GOES_ON),
}


@pytest.fixture(params=FILES, ids=list(FILES))
def recording(request, tmp_path, monkeypatch):
    """Name, length in samples and printed remark of a file in the current folder."""
    monkeypatch.chdir(tmp_path)
    data, samples, printed = FILES[request.param]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / request.param).write_bytes(data)
    return f"in/{request.param}", samples, printed


def run(*arguments):
    done = CliRunner().invoke(pisada, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done


def notes(done, name: str) -> list[str]:
    """What is printed of the file, as the command prints it."""
    return [line for line in done.stderr.splitlines() if line.startswith(f"note: {name}: ")]


def expected(name: str, printed: str) -> list[str]:
    return [f"note: {name}: {printed}"] * bool(printed)


def test_apply(recording, impulse_bank):
    name, samples, printed = recording
    done = run("apply", "click", name, "--out", "out", "--bank", impulse_bank, "--strength", 0, "--blend", 0)
    assert soundfile.info(done.stdout.strip()).frames == samples
    assert notes(done, name) == expected(name, printed)


def test_apply_at_hits(recording, impulse_bank):
    name, samples, printed = recording
    done = run("apply", "click", name, "--out", "out", "--mode", "hits", "--bank", impulse_bank)
    path, hits_found = done.stdout.removesuffix(" hits\n").rsplit(": ", 1)
    assert soundfile.info(path).frames == samples
    assert int(hits_found) >= 10
    assert notes(done, name) == expected(name, printed)


def test_cues_from_audio(recording):
    name, _, printed = recording
    done = run("cues", "from-audio", name, "--out", "out.csv")
    with open("out.csv", encoding="utf-8") as sheet:
        starts = [int(row["start"].removesuffix("smp")) for row in csv.DictReader(sheet)]
    assert len(starts) >= 10
    assert starts[-1] > 5 * 48_000
    assert notes(done, name) == expected(name, printed)


def test_corpus(recording):
    name, _, printed = recording
    report = json.loads(run("corpus", "in", "--json", "--out", "cache").stdout)
    assert report["minutes"] > 5 / 60
    assert report["remarks"] == [{"file": name.removeprefix("in/"), "remark": printed}] * bool(printed)


def test_capture(recording):
    name, samples, printed = recording
    done = run("capture", name, "--name", "whole", "--bank", "bank", "--model", "pcm", "--kind", "texture")
    (take,) = Bank(Path("bank"))["whole"].header.takes
    assert abs(take.length_samples - samples * 48_000 / RATE) < 2
    assert notes(done, name) == expected(name, printed)


def test_render(recording, impulse_bank):
    name, samples, printed = recording
    Path("cues.csv").write_text(f"id,start,stem,source\na,0.0,A,{name}\nb,9.0,A,{name}\n", encoding="utf-8")
    done = run("render", "cues.csv", "--out", "out", "--model", "pcm", "--bank", impulse_bank, "--no-cache")
    (report,) = [line for line in done.stdout.splitlines() if line.endswith(".json")]
    cues = json.loads(Path(report).read_text(encoding="utf-8"))["cues"]
    assert [cue["length_samples"] for cue in cues] == [-(-samples * 48_000 // RATE)] * 2
    assert done.stderr.count("note: ") == done.stderr.count(f"{name}: {printed}\n") == bool(printed)


def test_live(recording, impulse_bank):
    name, samples, printed = recording
    ends = ("--in", name, "--out", "out.wav", "--no-meter")
    done = run("live", "--preset", "click", "--model", "pcm", "--bank", impulse_bank, *ends)
    assert soundfile.info("out.wav").frames >= samples * 48_000 // RATE
    assert notes(done, name) == expected(name, printed)


def test_evaluation(recording, tmp_path):
    (sound,) = read_folder(tmp_path / "in", 48_000).sounds
    assert abs(sound.audio.size - recording[1] * 48_000 / RATE) < 2


def test_impulse_responses(recording, impulse_bank):
    name, samples, printed = recording
    assert impulse_response(name, RATE).shape[1] == samples
    Path("cues.csv").write_text("id,start,stem,preset\na,0.0,A,click\n", encoding="utf-8")
    Path("show.toml").write_text(
        f'model = "pcm"\n[[stems]]\nname = "A"\neffects = [{{ type = "convolution", ir = "{name}" }}]\n',
        encoding="utf-8",
    )
    done = run("render", "cues.csv", "--project", "show.toml", "--bank", impulse_bank, "--dry-run")
    assert notes(done, name) == expected(name, printed)


def test_guide_position_and_length_are_read(tmp_path):
    bext = bytes(338) + struct.pack("<QH", RATE * 3601, 1) + bytes(254)
    data, path = streamed_wav(), tmp_path / "guide.wav"
    path.write_bytes(data[:12] + b"bext" + struct.pack("<I", len(bext)) + bext + data[12:])
    timeline = read_bwf(path, Clock(48_000, RATES["24"], 86_400))
    assert (timeline.items[0].start_samples, timeline.items[0].duration_samples) == (48_000, SECONDS * 48_000)
    assert timeline.remarks == [GOES_ON]
    run("cues", "from-audio", path, "--fps", "24", "--start-tc", "01:00:00:00", "--out", tmp_path / "a.csv")
    with open(tmp_path / "a.csv", encoding="utf-8") as sheet:
        assert next(csv.DictReader(sheet))["start"] == "01:00:01:06"  # the first hit, 0.25 s into it
