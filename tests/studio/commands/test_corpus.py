"""``pisada corpus`` as a person meets it."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.errors import AudioFileError
from studio.commands.corpus import corpus

RATE = 48_000


def run(*arguments):
    return CliRunner().invoke(corpus, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path):
    noise = np.random.default_rng(0).standard_normal(RATE // 2) * 0.1
    (tmp_path / "door").mkdir()
    soundfile.write(tmp_path / "door" / "slam.wav", noise, RATE)
    soundfile.write(tmp_path / "door" / "silence.wav", noise * 0, RATE)
    (tmp_path / "notes.txt").write_text("ignored")
    return tmp_path


def test_table_shows_minutes_and_dropped_files(folder):
    lines = run(folder).stdout.splitlines()
    assert lines[0].split() == ["label", "minutes", "pieces", "files"]
    assert lines[1].split() == ["door", "0.01", "1", "1"]
    assert "dropped: door/silence.wav: silent" in lines
    assert lines[-2] == "0.01 minutes in 1 pieces of 1 files; 1 dropped, 1 ignored because they are not audio"
    assert lines[-1] == f"prepared in {folder / '.pisada-corpus'}"


def test_json_is_the_report(folder, tmp_path):
    report = json.loads(run(folder, "--json", "--rate", 24_000, "--out", tmp_path / "elsewhere").stdout)
    assert report["sample_rate"] == 24_000
    assert report["by_label"] == {"door": {"files": 1, "pieces": 1, "minutes": 0.008}}
    assert report["dropped"] == [{"file": "door/silence.wav", "reason": "silent"}]
    assert json.loads((tmp_path / "elsewhere" / "report.json").read_text())["pieces"] == 1


def test_control_characters_in_names_are_escaped(folder):
    (folder / "door" / "\x1b[2Jbad\nname.wav").write_text("no audio")
    lines = run(folder).stdout.splitlines()
    assert any(line.startswith(r"dropped: door/\x1b[2Jbad\nname.wav: not a readable") for line in lines)


def test_folder_without_usable_sound_is_one_line(folder):
    (folder / "door" / "slam.wav").unlink()
    with pytest.raises(AudioFileError, match=r"no usable sound in 1 audio files.*door/silence.wav: silent") as message:
        run(folder)
    assert message.value.exit_status == 2
    assert not (folder / ".pisada-corpus").exists()
