"""Wrong input: one clear line, exit status 2, nothing written.

The sheet's own grammar is tested beside its reader; here is what only the whole command can know.
"""

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.errors import PisadaError
from studio.cli import pisada

GOOD = "id,start,stem,preset\na,1.0,FEET,click\n"


@pytest.fixture
def refuse(tmp_path, impulse_bank):
    """Return a function that runs ``pisada render`` and returns the one line of the error. ``out`` must stay empty."""

    def run(sheet: str | bytes, *flags: str, project: str | None = None) -> PisadaError:
        path, out = tmp_path / "cues.csv", tmp_path / "out"
        path.write_bytes(sheet.encode() if isinstance(sheet, str) else sheet)
        if project is not None:
            (tmp_path / "p.toml").write_text(project)
            flags += ("--project", str(tmp_path / "p.toml"))
        base = ["render", str(path), "--bank", str(impulse_bank), "--model", "pcm"]
        if "--out" not in flags:
            base += ["--out", str(out)]
        result = CliRunner().invoke(pisada, [*base, *flags])
        assert isinstance(result.exception, PisadaError), result.exception
        assert result.exception.exit_status == 2
        assert "\n" not in str(result.exception)
        assert not out.exists()
        return str(result.exception)

    return run


def cue(**fields) -> str:
    cells = {"id": "a", "start": "1.0", "stem": "FEET", "preset": "click"} | fields
    return ",".join(cells) + "\n" + ",".join(str(cell) for cell in cells.values()) + "\n"


SHEETS = {
    "missing column": ("id,start,stem\na,1.0,FEET\n", (), "no column 'preset'"),
    "duplicate id": ("id,start,stem,preset\na,1.0,F,click\na,2.0,F,click\n", (), "row 3, column 'id': 'a' is already"),
    "timecode of another rate": (cue(start="00:00:01:27"), ("--fps", "24"), "frame 27 does not exist at 24 fps"),
    "illegal drop-frame label": (cue(start="00:01:00;00"), ("--fps", "29.97df"), "drop-frame skips it"),
    "colons in a drop-frame show": (cue(start="00:00:01:02"), ("--fps", "29.97df"), "write 00:00:01;02"),
    "timecode without a rate": (cue(start="00:00:01:02"), (), "needs a frame rate: give --fps"),
    "ambiguous rate": (GOOD, ("--fps", "29.97"), "write 29.97df"),
    "unknown rate": (GOOD, ("--fps", "26"), "use one of 23.976, 24"),
    "start before the programme": (
        cue(start="00:59:59:00"),
        ("--fps", "25", "--start-tc", "01:00:00:00"),
        "before the programme's start",
    ),
    "bad start timecode": (GOOD, ("--fps", "25", "--start-tc", "01:00:00:25"), "programme start: .*frame 25"),
    "start timecode without a rate": (GOOD, ("--start-tc", "01:00:00:00"), "needs a frame rate"),
    "end before start": (cue(end="0.5"), (), "row 2, column 'end': the end '0.5' is not after the start '1.0'"),
    "unknown preset": (cue(preset="clik"), (), "row 2, column 'preset': no preset 'clik'.*click"),
    "preset that leaves the bank": (cue(preset="../bank/click"), (), "no preset '../bank/click'"),
    "stem name that leaves the folder": (cue(stem="../FEET"), (), "column 'stem'.*1 to 32 letters"),
    "stem called like the sum": (cue(stem="Foley"), (), "is not FOLEY"),
    "stems that differ in capitals": (
        "id,start,stem,preset\na,1.0,FEET,click\nb,2.0,Feet,click\n",
        (),
        "row 3, column 'stem': 'Feet' and 'FEET' differ only in capitals",
    ),
    "NaN": (cue(gain_db="nan"), (), "column 'gain_db': 'nan' is not a number from -120 to 24"),
    "out of range": (cue(pan="1.5"), (), "column 'pan': '1.5' is not a number from -1 to 1"),
    "empty sheet": ("", (), "the sheet is empty"),
    "header only": ("id,start,stem,preset\n", (), "a header and no cues"),
    "no encoding": (
        GOOD.encode() + b"b,2.0,FEET,clic\x81\n",
        (),
        r"row 3: byte \d+ \(0x81\) is not UTF-8 nor Windows-1252",
    ),
    "source absent": (cue(preset="", source="no.wav"), (), "row 2, column 'source': .*no.wav: no such audio file"),
    "unknown model": (GOOD, ("--model", "nope"), "no model 'nope'"),
    "no bank": (GOOD, ("--bank", "/nonexistent"), "/nonexistent: not a bank"),
    "longer than the graph can count": (cue(start="23:00:00:00"), ("--fps", "24"), "at most 12.4 h"),
}


@pytest.mark.parametrize("name", SHEETS)
def test_a_bad_sheet_or_flag(name, refuse):
    import re

    sheet, flags, expected_text = SHEETS[name]
    message = refuse(sheet, *flags)
    assert re.search(expected_text, message), message


PROJECTS = {
    "not TOML": ("show = ", "p.toml: "),
    "unknown key": ("shw = 'X'", "unknown field `shw`"),
    "a key that reads like a place": ("'x - at `$.stems[5].effects[5].mode' = 1", "unknown field `x - at"),
    "wrong type": ("seed = 'x'", r"Expected `int`, got `str` - at `\$.seed`"),
    "out of range": ("[[stems]]\nname = 'FEET'\ngain_db = 99", r"<= 24.* - at `\$.stems\[0\].gain_db`"),
    "name that leaves the folder": ("show = '../x'", "show '../x'"),
    "stem twice": ("[[stems]]\nname='FEET'\n[[stems]]\nname='feet'", "two stems have the same name"),
    "unknown stem": ("[[stems]]\nname = 'PROPS'", "row 2, column 'stem': no stem 'FEET' in the project; it has PROPS"),
    "unknown effect": (
        "[[stems]]\nname='FEET'\neffects=[{type='echo'}]",
        "Invalid value 'echo' .* of 'FEET': reverb, filter, compressor, plugin, eq, .* or transfer can be used$",
    ),
    "plug-in absent": (
        "[[stems]]\nname='FEET'\neffects=[{type='plugin', path='no.vst3'}]",
        "stem FEET: no plug-in at .*no.vst3",
    ),
    "end before start": ("fps='24'\nstart='01:00:00:00'\nend='00:59:00:00'", "is not after its start 01:00:00:00"),
    "cue past the end": ("fps='24'\nend='00:00:00:12'", "row 2: starts after the programme's end"),
    "newer schema": ("schema = 2", r"at `\$.schema`: 1 can be used$"),
    "no such number of bits": ("bits = 17", r"p.toml: Invalid enum value 17 - at `\$.bits`: 16, 24 or 32 can be used$"),
    "bits in words": ("bits = 'all'", r"at `\$.bits`: 16, 24 or 32 can be used$"),
    "no such layout": ("layout = 'quad'", r"at `\$.layout`: 5.1, lcr, mono or stereo can be used$"),
    "no such spec": ("spec = 'x'", r"at `\$.spec`: a85, r128 or streaming-me can be used$"),
    "no such mode of an effect": (
        "[[stems]]\nname='FEET'\neffects=[{type='reverb'}, {type='filter', mode='x'}]",
        r"at `\$.stems\[0\].effects\[1\].mode` of 'FEET': band, high or low can be used$",
    ),
    "MIDI key": ("[midi.programs]\n200 = 'click'", "keys are whole numbers 0 to 127"),
}


@pytest.mark.parametrize("name", PROJECTS)
def test_a_bad_project(name, refuse):
    import re

    project, expected_text = PROJECTS[name]
    message = refuse(GOOD, project=project)
    assert re.search(expected_text, message), message


def test_an_absent_sheet_and_an_absent_project(tmp_path):
    for arguments, expected_text in (
        (["render", str(tmp_path / "no.csv"), "--out", str(tmp_path / "o")], "no such file"),
        (["render", str(tmp_path), "--out", str(tmp_path / "o")], "not a cue sheet"),
        (["render", "x.csv", "--project", str(tmp_path / "no.toml"), "--out", "o"], "no.toml: No such file"),
        (["render", "x.csv"], "give --out DIR"),
    ):
        result = CliRunner().invoke(pisada, arguments)
        assert isinstance(result.exception, PisadaError)
        assert expected_text in str(result.exception)


@pytest.mark.parametrize(
    ("audio", "rate", "expected_text"),
    [
        (np.zeros((0, 1)), 48_000, "the file holds no samples"),
        (np.zeros((4_800, 6)), 48_000, "6 channels; give a mono or stereo file"),
        (None, 0, "not a readable audio file"),
    ],
)
def test_a_source_that_cannot_be_used(audio, rate, expected_text, refuse, tmp_path):
    if audio is None:
        (tmp_path / "s.wav").write_bytes(b"RIFFxxxxWAVE")
    else:
        soundfile.write(tmp_path / "s.wav", audio, rate)
    message = refuse(cue(preset="", source="s.wav"))
    assert "row 2, column 'source'" in message
    assert expected_text in message


@pytest.mark.plugin
def test_a_plugin_parameter_that_is_not_there(refuse):
    effect = "{type='plugin', path='/usr/lib/vst3/ZaMaximX2.vst3', parameters={Treshold=0.5}}"
    message = refuse(GOOD, project=f"[[stems]]\nname='FEET'\neffects=[{effect}]")
    assert "no parameter 'Treshold'; it has Threshold" in message


@pytest.mark.plugin
@pytest.mark.parametrize(
    ("path", "expected_text"), [("bad.vst3", "does not load"), ("/usr/lib/vst3/ZamDelay.vst3", "1 in, 1 out")]
)
def test_a_plugin_that_cannot_be_used(path, expected_text, refuse, tmp_path):
    (tmp_path / "bad.vst3").write_bytes(b"not a plug-in")
    assert expected_text in refuse(GOOD, project=f"[[stems]]\nname='FEET'\neffects=[{{type='plugin', path='{path}'}}]")


def test_an_output_folder_that_cannot_be_written(refuse, tmp_path):
    (tmp_path / "file").write_text("kept")
    assert "cannot write here" in refuse(GOOD, "--out", str(tmp_path / "file"))
    assert "cannot write here" in refuse(GOOD, "--out", str(tmp_path / "file" / "below"))
    assert "cannot write here" in refuse(GOOD, "--out", "/proc/pisada")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_preset_of_another_model_is_refused_by_name(refuse, tmp_path):
    from presets.preset import Preset, PresetHeader, Take
    from presets.store import save_preset

    header = PresetHeader(name="other", kind="hit", codec="m2", fingerprint="beef", takes=[Take(0, 100)])
    bank = tmp_path / "bank"
    bank.mkdir()
    save_preset(Preset(header, [np.zeros((1, 3), np.float32)], [np.zeros((1, 3), np.float32)]), bank)
    message = refuse(cue(preset="other"), "--bank", str(bank))
    assert "preset 'other' was made with model 'm2' (beef), not with 'pcm' (pcm)" in message
