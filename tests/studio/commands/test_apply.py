"""``pisada apply`` as a person meets it."""

import struct

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.errors import OutputError, ProjectError
from plugin_backend.transfer.parameters import PARAMETERS
from render.wav.bext import timestamp
from render.wav.riff import append, chunks_of
from studio.commands.apply import apply_preset

RATE = 48_000


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """``claps.wav``, a burst at samples 24000 and 72000, and ``tone.flac`` of another rate."""
    monkeypatch.chdir(tmp_path)
    claps = np.zeros(2 * RATE, np.float32)
    burst = 0.5 * np.exp(-np.arange(3_000) / 300) * np.random.default_rng(0).uniform(-1, 1, 3_000)
    for at in (24_000, 72_000):
        claps[at : at + 3_000] = burst
        claps[at] = 0.5
    soundfile.write("claps.wav", claps, RATE, "PCM_24")
    soundfile.write("tone.flac", 0.1 * np.sin(np.arange(5_001) / 10), 44_100)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(apply_preset, [str(argument) for argument in arguments], catch_exceptions=False)


def test_files_are_written_and_printed(recordings, impulse_bank):
    message = run(
        "click", "claps.wav", "tone.flac", "--out", "out", "--bank", impulse_bank, "--strength", 0, "--blend", 0
    )
    assert message.stdout.splitlines() == ["out/claps_click.wav", "out/tone_click.wav"]
    assert sorted(path.name for path in (recordings / "out").iterdir()) == ["claps_click.wav", "tone_click.wav"]
    np.testing.assert_array_equal(soundfile.read("out/claps_click.wav")[0], soundfile.read("claps.wav")[0])
    info = soundfile.info("out/tone_click.wav")
    assert (info.frames, info.samplerate, info.subtype) == (5_001, 44_100, "PCM_24")


def test_hits_are_counted_and_preset_file_works(recordings, impulse_bank):
    file = impulse_bank / "click.preset.safetensors"
    message = run(file, "claps.wav", "--out", "out", "--mode", "hits", "--bits", 32)
    assert message.stdout == "out/claps_click.wav: 2 hits\n"
    assert np.flatnonzero(soundfile.read("out/claps_click.wav")[0]).tolist() == [24_000, 72_000]
    soundfile.write("silence.wav", np.zeros(RATE), RATE)
    message = run(file, "silence.wav", "--out", "out", "--mode", "hits")
    assert "note: silence.wav: no hits were found; a higher --sensitivity finds softer ones" in message.stderr
    assert message.stdout == "out/silence_click.wav: 0 hits\n"


def test_clipping_is_reported(recordings, impulse_bank):
    out = ("--out", "out", "--bank", impulse_bank, "--gain-db", 12)
    message = run("click", "claps.wav", *out, "--strength", 0, "--blend", 0)
    assert "samples were clipped; lower --gain-db" in message.stderr
    message = run("click", "claps.wav", *out, "--strength", 0, "--blend", 0, "--bits", 32, "--overwrite")
    outside = int((np.abs(soundfile.read("out/claps_click.wav")[0]) > 1).sum())
    assert outside > 0
    notes = [line for line in message.stderr.splitlines() if line.startswith("note: ")]
    assert notes == [f"note: out/claps_click.wav: {outside} samples are above full scale; lower --gain-db"]


def test_unwritable_folder_is_reported_with_system_error(recordings, impulse_bank):
    with pytest.raises(OSError) as why:
        open("/sys/claps_click.wav", "xb").close()
    with pytest.raises(OutputError, match=rf"^/sys: cannot write here \({why.value.strerror}\)$"):
        run("click", "claps.wav", "--out", "/sys", "--bank", impulse_bank)


def test_cut_short_recording_is_reported_and_keeps_timestamp(recordings, impulse_bank):
    append(recordings / "claps.wav", b"bext", bytes(338) + struct.pack("<QH", 123_456, 1) + bytes(254))
    run("click", "claps.wav", "--out", "whole", "--bank", impulse_bank)
    with open("whole/claps_click.wav", "rb") as file:
        at, size = chunks_of(file)[b"data"]
        file.seek(0)
        (recordings / "cut.wav").write_bytes(file.read(at + size - 3_000))
    message = run("click", "cut.wav", "--out", "out", "--bank", impulse_bank, "--strength", 0, "--blend", 0)
    cut = "cut.wav: the file is cut short: its data chunk ends 3000 bytes past the file"
    assert [line for line in message.stderr.splitlines() if line.startswith("note: ")] == [f"note: {cut}"]
    assert soundfile.info("out/cut_click.wav").frames == 2 * RATE - 1_000
    assert timestamp(recordings / "out" / "cut_click.wav") == 123_456


def test_existing_files_are_kept_without_overwrite(recordings, impulse_bank):
    arguments = ("click", "claps.wav", "--out", "out", "--bank", impulse_bank, "--mode", "hits")
    run(*arguments)
    (recordings / "out" / "claps_click.wav").write_bytes(b"mine")
    with pytest.raises(OutputError, match="is there already; give another --out, or --overwrite"):
        run(*arguments)
    assert (recordings / "out" / "claps_click.wav").read_bytes() == b"mine"
    run(*arguments, "--overwrite")
    assert soundfile.info("out/claps_click.wav").frames == 2 * RATE


def test_bad_values_are_refused_before_writing(recordings, impulse_bank):
    for wrong, message in (
        (("--mix", "nan"), "^mix nan: 0 to 1 can be used$"),
        (("--width", "1.5"), "^width 1.5: 0 to 1 can be used$"),
        (("--morph", "0.5"), "^morph goes with a second preset: give both or neither$"),
        (("--latent", "3:loud"), "^latent '3:loud': '' is not a number$"),
        (("--mode", "hits", "--sensitivity", "0"), "^sensitivity 0: 0.1 to 10 can be used$"),
    ):
        with pytest.raises(ProjectError, match=message):
            run("click", "claps.wav", "--out", "out", "--bank", impulse_bank, *wrong)
    assert not (recordings / "out").exists()


def test_options_equal_parameter_table():
    message = " ".join(run("--help").stdout.split())
    for control in PARAMETERS.values():
        assert f"--{control.name.replace('_', '-')} X" in message
        assert f" {control.low:g} to {control.high:g}" in message
        assert f"[default: {control.default:g}]" in message
        assert control.doc.split(";")[0].split(":")[0] in message
    assert message.endswith("pisada apply step-gravel guide.wav --out gravel --mix 0.8")
