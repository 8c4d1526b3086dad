"""The ``pisada`` command as a person meets it."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.errors import OutputError, ProjectError
from presets.store import load_preset, save_preset
from render.plan.resolve import read_sheet
from render.project.project import read_project
from studio.cli import pisada
from studio.terminal.tables import print_table

pytestmark = pytest.mark.usefixtures("forked_renders")

ROOT = Path(__file__).parents[2]
SCENE = ROOT / "examples" / "night_walk"


def run(*arguments: object):
    return CliRunner().invoke(pisada, [str(argument) for argument in arguments], catch_exceptions=False)


def test_help_loads_nothing_heavy():
    code = "import sys, studio.cli; print(sorted({'torch','numpy','dawdreamer','soundfile','rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_the_end_of_a_command_searches_no_garbage():
    """With PyTorch loaded, the searches take more than a second."""
    code = "import atexit, gc, sys; from studio.cli import main; sys.argv = ['pisada', '--version']; "
    code += "atexit.register(lambda: print('frozen:', gc.get_freeze_count() > 0)); main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "frozen: True"


@pytest.mark.parametrize("name", sorted(pisada.commands))
def test_every_command_has_help_with_an_example(name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Example:\n +pisada {name} ", result.output)


def test_dry_run_prints_cues_and_writes_nothing(tmp_path):
    result = run(
        "render", SCENE / "cues.csv", "--project", SCENE / "project.toml", "--dry-run", "--out", tmp_path / "o"
    )
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["id", "timecode", "sample", "length", "stem", "preset", "seed"]
    first_step = next(line.split() for line in lines if line.startswith("DRIVE.1 "))
    assert first_step[1:3] == ["01:00:04:00", str(172_972_800 + 96 * 2002)]
    assert lines[-1] == "216 cues, 4 stems, 5765760 samples (120.120 s)"
    assert not (tmp_path / "o").exists()


@pytest.fixture
def own_bank(tmp_path, impulse_bank):
    """A bank of one's own, whose ``click`` is the other's ``burst``."""
    preset = load_preset(impulse_bank / "burst.preset.safetensors")
    save_preset(replace(preset, header=msgspec.structs.replace(preset.header, name="click")), tmp_path / "mine")
    return tmp_path / "mine"


def test_several_banks_are_searched_in_order(tmp_path, own_bank, impulse_bank, write_sheet):
    both = "--bank", own_bank, "--bank", impulse_bank
    names = [line.split()[0] for line in run("presets", *both).stdout.splitlines()[1:]]
    assert names == ["burst", "click", "hum", "tone"]
    assert "step-gravel" in run("presets", "--bank", own_bank, "--bank", "factory").stdout
    mixed = run("mix", "click", "tone", "--name", "new", "--to", tmp_path / "new", "--model", "pcm", *both)
    assert mixed.stdout.endswith("1 takes, linear of click, tone\n")
    rendered = load_preset(tmp_path / "new" / "new.preset.safetensors").means[0]
    assert np.abs(rendered[:50]).max() > 0.1  # of noise, where the other click is one sample
    soundfile.write(tmp_path / "in.wav", np.zeros(48_000), 48_000)
    for command in (
        ("apply", "click", tmp_path / "in.wav", "--out", tmp_path / "out", "--add", "tone", *both),
        ("render", write_sheet([{"id": "a", "start": "0.5", "stem": "A", "preset": "tone"}]), "--dry-run",
         "--model", "pcm", *both),
        ("cues", "check", write_sheet([{"id": "a", "start": "0.5", "stem": "A", "preset": "click"}]), *both),
    ):  # fmt: skip
        assert run(*command).exit_code == 0


def test_example_scene_has_a_character_walks_cloth_that_follows_and_floors():
    project = read_project(SCENE / "project.toml")
    sheet = read_sheet(SCENE / "cues.csv", project)
    assert set(project.characters) == {cue.character for cue in sheet.cues if cue.character} == {"Anna"}
    steps = [cue for cue in sheet.cues if cue.stem == "FEET"]
    assert sheet.walks == 7 and len(steps) > 100
    assert {cue.preset for cue in steps} == {f"step-{floor}" for floor in ("gravel", "grass", "wood", "stone", "water")}
    coat = [cue.start_samples for cue in sheet.cues if cue.id.startswith("COAT.")]
    assert coat == [cue.start_samples for cue in steps][::2]


def test_render_prints_its_files(tmp_path, write_sheet):
    sheet = write_sheet(
        [
            {"id": "a", "start": "0.25", "stem": "FEET", "preset": "step-stone", "colour": "red"},
            {"id": "b", "start": "0.75", "stem": "PROPS", "preset": "prop-wood", "colour": "blue"},
        ]
    )
    options = ["--out", str(tmp_path / "stems"), "--stream", "--jobs", "1"]  # every job loads the model
    command = [sys.executable, "-m", "studio", "render", str(sheet), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    printed = [Path(line) for line in done.stdout.splitlines()]
    assert [path.suffix for path in printed] == [".wav", ".wav", ".wav", ".json", ".png"]
    assert "columns we do not know, kept in the report: colour" in done.stderr
    audio, rate = soundfile.read(printed[0])
    assert rate == 48_000
    assert not audio[:12_000].any()
    assert abs(audio[12_000:12_480]).max() > 0.01
    assert printed[4].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    report = json.loads(printed[3].read_text())
    assert [cue["start_samples"] for cue in report["cues"]] == [12_000, 36_000]
    assert [cue["extra"] for cue in report["cues"]] == [{"colour": "red"}, {"colour": "blue"}]
    left = {path.name for path in (tmp_path / "stems").iterdir()}
    assert left == {path.name for path in printed} | {"report.json"}


def test_exit_status_of_bad_input_and_usage(tmp_path):
    for arguments, message in (
        (["render", str(tmp_path / "no.csv"), "--out", "x"], "pisada: "),
        (["render", "x.csv", "--seed", "-1"], "Invalid value for '--seed'"),
        (["rendr"], "No such command"),
    ):
        command = [sys.executable, "-m", "studio", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_midi_file_renders_with_bank_programs(tmp_path):
    import mido

    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("track_name", name="FEET"))
    track.append(mido.Message("program_change", program=5))
    track.append(mido.Message("note_on", note=60, velocity=127, time=480))
    track.append(mido.Message("note_off", note=60, time=10))
    file.save(tmp_path / "steps.mid")
    result = run("render", tmp_path / "steps.mid", "--dry-run")
    row = next(line.split() for line in result.stdout.splitlines() if line.startswith("FEET-0001"))
    assert (row[2], row[5]) == ("24000", "step-gravel")


def test_capture_prints_takes_hits_and_dropped_hits(tmp_path):
    rng, audio = np.random.default_rng(0), 3e-4 * np.random.default_rng(1).standard_normal(6 * 48_000)
    for at in range(4_800, 6 * 48_000, 24_000):
        audio[at : at + 9_600] += 0.3 * rng.standard_normal(9_600) * np.exp(-np.arange(9_600) / 2_000)
    soundfile.write(tmp_path / "walk.wav", audio, 48_000)
    given = ("--bank", tmp_path / "bank", "--model", "pcm")
    result = run("capture", tmp_path / "walk.wav", "--name", "walk", *given)
    assert result.output.endswith("walk.preset.safetensors: 12 takes of 12 hits\n")
    result = run(
        "capture", tmp_path / "walk.wav", "--name", "few", *given, "--takes", 5, "--modes", 8, "--split", "hits"
    )
    assert "note: 7 hits left out: only the loudest 5 are kept (--takes)" in result.output
    assert "5 takes of 12 hits" in result.output
    result = run("capture", tmp_path / "walk.wav", "--name", "x", *given, "--modes", "some")
    assert result.exit_code == 2
    assert "'some': give auto, none, or a number from 1 to 512" in result.output


def test_capture_then_render(tmp_path, write_sheet):
    import numpy as np

    rng = np.random.default_rng(0)
    knock = rng.standard_normal(9_600) * np.exp(-np.arange(9_600) / 900) * 0.3
    soundfile.write(tmp_path / "knock.wav", knock, 48_000)
    result = run("capture", tmp_path / "knock.wav", "--name", "knock", "--bank", tmp_path / "bank")
    assert "knock.preset.safetensors: 1 takes" in result.output
    assert "knock" in run("presets", "--bank", tmp_path / "bank").output
    again = ("capture", tmp_path / "knock.wav", "--name", "knock", "--bank", tmp_path / "bank", "--variation", 0.5)
    with pytest.raises(OutputError, match="knock.preset.safetensors: is there already; give another --name, or --over"):
        run(*again)
    file = tmp_path / "bank" / "knock.preset.safetensors"
    assert load_preset(file).header.variation == 1
    (tmp_path / "knock.wav").write_bytes((tmp_path / "knock.wav").read_bytes()[:-100])
    cut = f"note: {tmp_path / 'knock.wav'}: the file is cut short: its data chunk ends 100 bytes past the file\n"
    assert run(*again, "--overwrite").stderr == cut
    assert load_preset(file).header.variation == 0.5
    sheet = write_sheet([{"id": "a", "start": "0.5", "stem": "A", "preset": "knock"}])
    run("render", sheet, "--bank", tmp_path / "bank", "--out", tmp_path / "out")
    audio, _ = soundfile.read(next((tmp_path / "out").glob("*FOLEY-A*.wav")))
    attack = np.argmax(np.abs(audio[:, 0]) > 0.1 * np.abs(audio).max())
    assert 24_000 <= attack <= 24_000 + 96


def test_explain_lists_stems_and_cues(tmp_path, write_sheet, impulse_bank):
    rows = [
        {"id": "a", "start": "0.25", "stem": "FEET", "preset": "click"},
        {"id": "b", "start": "0.75", "stem": "PROPS", "preset": "burst"},
    ]

    def render(sheet, *more):
        return run("render", sheet, "--model", "pcm", "--bank", impulse_bank, "--out", tmp_path / "out", *more)

    first = render(write_sheet(rows), "--explain").stderr
    assert re.search(r"^FEET +render +there is no version before it$", first, re.M)
    edited = write_sheet([rows[0], {**rows[1], "pan": 1}])
    message = render(edited, "--dry-run", "--explain").stderr
    assert message == "".join(line for line in render(edited, "--explain").stderr.splitlines(True) if line in message)
    table = [line.split(maxsplit=2) for line in message.splitlines() if line.strip()]
    assert [row[:2] for row in table[1:4]] == [["PROPS", "patch"], ["FOLEY", "patch"], ["FEET", "keep"]]
    assert table[3] == ["FEET", "keep", "nothing in it changed"]
    assert table[5] == ["b", "PROPS", "mixed from the cache  changed: pan"]
    assert table[6:] == [["1", "cue", "untouched: as in the version before"]]
    assert len(list((tmp_path / "out").glob("*_v00?_48k_24b.wav"))) == 6


def test_explain_needs_a_folder(tmp_path, write_sheet):
    sheet = write_sheet([{"id": "a", "start": "1.0", "stem": "A", "preset": "p"}])
    with pytest.raises(ProjectError, match="give --out DIR too"):
        run("render", sheet, "--dry-run", "--explain")


def test_table_cells_are_bounded(capsys):
    print_table(("id", "n"), [("x" * 10_000, 1), ("y", 2)])
    assert [len(line) for line in capsys.readouterr().out.splitlines()] == [503, 503, 503]


def test_system_errors_are_one_line(tmp_path):
    name = tmp_path / ("x" * 300)
    commands = [
        (1, ["plugin", "install", "--to", name]),
        (2, ["cues", "convert", SCENE / "cues.csv", f"{name}.csv", "--fps", "24"]),
        (2, ["session", name, "--format", "rpp"]),
    ]
    for status, command in commands:
        result = subprocess.run([sys.executable, "-m", "studio", *command], capture_output=True, text=True)
        problems = [line for line in result.stderr.splitlines() if not line.startswith("note:")]
        assert (result.returncode, len(problems)) == (status, 1), result.stderr
        assert "File name too long" in result.stderr


def test_no_cache_keeps_nothing(tmp_path, write_sheet, impulse_bank, monkeypatch):
    monkeypatch.setenv("PISADA_CACHE", str(tmp_path / "cache"))
    sheet = write_sheet([{"id": "a", "start": "0.25", "stem": "FEET", "preset": "click"}])
    for _ in range(2):
        message = run("render", sheet, "--model", "pcm", "--bank", impulse_bank, "--out", tmp_path / "out", "--no-cache", "--explain")  # fmt: skip # noqa: E501
        assert re.search(r"^a +FEET +decoded ", message.stderr, re.M)
    assert not (tmp_path / "cache").exists()


def test_unless_there_renders_nothing_again(tmp_path, write_sheet, impulse_bank):
    rows = [{"id": f"c{n}", "start": f"{n / 4}", "stem": "A", "preset": "click"} for n in range(4)]

    def render(*more: str):
        sheet = write_sheet(rows)
        return run("render", sheet, "--model", "pcm", "--bank", impulse_bank, "--out", tmp_path / "out", *more)

    first = render("--unless-there")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    again = render("--unless-there", "--no-cache")  # the notes in the cache are not needed
    assert again.stdout.splitlines() == [line for line in first.stdout.splitlines() if not line.endswith(".png")]
    assert again.stderr.endswith("out holds this version already; nothing was rendered\n")
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
    rows[0]["gain_db"] = "-3"
    assert "v002" in render("--unless-there").stdout
    stem = next(path for path in (tmp_path / "out").iterdir() if "FOLEY-A_v002" in path.name)
    stem.write_bytes(stem.read_bytes()[:-4])
    assert "v003" in render("--unless-there").stdout
    next(path for path in (tmp_path / "out").iterdir() if "FOLEY-A_v003" in path.name).unlink()
    assert "v004" in render("--unless-there").stdout
    with pytest.raises(ProjectError, match="--unless-there does not compare clips"):
        render("--unless-there", "--clips")


def test_demo_uses_unless_there():
    recipe = re.search(r"^demo:.*\n\t(.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    assert recipe.endswith("--out demo --unless-there")
