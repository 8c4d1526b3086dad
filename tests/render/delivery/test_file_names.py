"""File names by the project's pattern, and version numbers that never overwrite a file."""

import msgspec
import pytest

from plugin_backend.errors import ProjectError
from render.cues import Cue, CueSheet
from render.delivery.deliver import deliver
from render.engine.make_plan import make_plan
from render.project.name_template import check_template, fill
from render.project.project import Project, Stem, read_project

pytestmark = pytest.mark.usefixtures("forked_renders")


def make(tmp_path, bank, **fields):
    project = msgspec.structs.replace(Project(show="SHOW", model="pcm", bank=str(bank)), **fields)
    cue = Cue(id="a", start_samples=0, stem="FEET", preset="click")
    plan = make_plan(project, CueSheet(tmp_path / "c.csv", [cue], [], []))
    return [path.name for path in deliver(plan, project, tmp_path / "out").stems.values()]


def test_the_default_pattern(tmp_path, impulse_bank):
    assert make(tmp_path, impulse_bank, fps="23.976") == [
        "SHOW_R1_FOLEY-FEET_v001_48k_24b_23976.wav",
        "SHOW_R1_FOLEY_v001_48k_24b_23976.wav",
    ]


@pytest.mark.parametrize(
    ("pattern", "fields", "name"),
    [
        ("{track}.v{version}", {}, "FOLEY-FEET.v001.wav"),
        ("v{version} {show}-{reel}-{track}", {"show": "My Show", "reel": "R 2"}, "v001 My-Show-R-2-FOLEY-FEET.wav"),
        ("{track}_{fps}_{bits}_{version}", {"bits": 32}, "FOLEY-FEET_32f_001.wav"),
        ("{fps}_{track}_{version}", {}, "FOLEY-FEET_001.wav"),
        ("{track}_{layout}_t{take}_{version}", {"layout": "5.1", "take": 3}, "FOLEY-FEET_5.1_t3_001.wav"),
        ("{track}_{fps}_v{version}", {"fps": "29.97df", "bits": 16}, "FOLEY-FEET_2997df_v001.wav"),
    ],
)
def test_a_pattern_names_the_stems(pattern, fields, name, tmp_path, impulse_bank):
    assert make(tmp_path, impulse_bank, name=pattern, **fields)[0] == name


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{show}_{track}", r"\{version\} must be in it"),
        ("stem", r"\{track\}, \{version\} must be in it"),
        ("{track}_{date}_{version}", r"no field \{date\}"),
        ("{track.__class__}{version}", "no field"),
        ("{track!r}{version}", "no field"),
        ("{track:>99999}{version}", "no field"),
        ("{track}_{version", "a brace is not closed"),
        ("{track}}_{version}", "a brace is not closed"),
        ("{}{track}{version}", "a brace is not closed"),
        ("a/{track}_{version}", "only letters"),
        ("..\\{track}_{version}", "only letters"),
        ("{track}\n{version}", "only letters"),
        ("{track}\0{version}", "only letters"),
        (".{track}{version}", "must begin with"),
        ("x" * 200 + "{track}{version}", "at most 128"),
    ],
)
def test_an_unsafe_pattern_is_refused(pattern, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        check_template(pattern)
    quoted = pattern.translate({ord("\\"): "\\\\", ord("\n"): "\\n", 0: "\\u0000"})
    (tmp_path / "p.toml").write_text(f'name = "{quoted}"\n')
    with pytest.raises(ProjectError, match=f"p.toml.*{message}"):
        read_project(tmp_path / "p.toml")


def test_an_empty_field_takes_its_separator_along():
    fields = {"show": "S", "fps": "", "track": "T"}
    assert fill("{show}_{fps}_{track}", fields) == "S_T"
    assert fill("{show} - {fps}{track}", fields) == "S -T"
    assert fill("{fps}-{track}", fields) == "T"


def test_versions_go_on_under_a_changed_pattern(tmp_path, impulse_bank):
    patterns = ["{show}_{reel}_{track}_v{version}", "{version}-{track}", "{track}{version}", "{version}-{track}"]
    runs = [make(tmp_path, impulse_bank, name=pattern) for pattern in patterns]
    assert [run[1] for run in runs] == ["SHOW_R1_FOLEY_v001.wav", "002-FOLEY.wav", "FOLEY003.wav", "004-FOLEY.wav"]
    assert len(list((tmp_path / "out").glob("*.wav"))) == 8


def test_stems_whose_reports_were_removed_are_not_overwritten(tmp_path, impulse_bank):
    first = make(tmp_path, impulse_bank)
    for path in (tmp_path / "out").glob("*report.json"):
        path.unlink()
    (tmp_path / "out" / "SHOW_R1_FOLEY-FEET_v007_48k_24b.WAV").touch()
    assert first[0] == "SHOW_R1_FOLEY-FEET_v001_48k_24b.wav"
    assert make(tmp_path, impulse_bank)[0] == "SHOW_R1_FOLEY-FEET_v008_48k_24b.wav"
    assert make(tmp_path, impulse_bank, bits=16)[0] == "SHOW_R1_FOLEY-FEET_v009_48k_16b.wav"


def test_names_too_long_for_the_disk_give_a_one_line_error(tmp_path, impulse_bank):
    from plugin_backend.errors import OutputError

    with pytest.raises(OutputError, match="File name too long"):
        make(tmp_path, impulse_bank, show="é" * 64, reel="ü" * 64)
    assert not (tmp_path / "out").exists()


def test_a_stems_layout_is_read_from_the_project(tmp_path):
    (tmp_path / "p.toml").write_text(
        'layout = "lcr"\n[[stems]]\nname = "FEET"\n[[stems]]\nname = "X"\nlayout = "mono"\n'
    )
    assert read_project(tmp_path / "p.toml").stems == [Stem(name="FEET"), Stem(name="X", layout="mono")]
    (tmp_path / "p.toml").write_text('layout = "quad"\n')
    with pytest.raises(ProjectError, match="layout"):
        read_project(tmp_path / "p.toml")
