"""Characters, feet, parts and effort: read and written in every format, checked, and feet resolved."""

import dataclasses

import pytest

from plugin_backend.errors import CueSheetError, ProjectError
from render.cues import Cue, CueSheet, read_cues
from render.cues.clip_mapping import read_mapping
from render.cues.feet import resolve_feet
from render.cues.lint import LintInput, lint
from render.cues.timeline_to_cues import timeline_to_sheet
from render.cues.write import WRITERS, write_cues
from render.project.characters import Character
from render.project.project import read_project
from render.project.timecode import Clock
from tests.render.cues.timelines import PATH, clip, timeline

SECOND = 48_000


def step(at_s: float, foot: str | None = "auto", **more) -> Cue:
    return Cue(more.pop("id", f"c{at_s:06.2f}"), round(at_s * SECOND), more.pop("stem", "FEET"), "p", foot=foot, **more)


def feet_of(*steps: Cue, characters=None) -> str:
    return "".join(each.foot or "-" for each in resolve_feet(list(steps), SECOND, characters))


def test_auto_feet_alternate_from_the_right_and_restart_after_two_seconds():
    assert feet_of(*(step(at) for at in (0, 0.5, 1, 3, 5.01, 5.5))) == "RLRLRL"
    assert feet_of(step(0), step(2.0)) == "RL"  # exactly two seconds is no pause yet
    assert feet_of(step(0), step(2.0 + 1 / SECOND)) == "RR"


def test_a_stated_foot_counts_and_other_sounds_do_not():
    assert feet_of(step(0), step(0.5, "R"), step(1), step(1.2, None), step(1.5)) == "RRL-R"


def test_each_character_and_each_stem_alternates_on_its_own():
    anna, ben = {"character": "Anna"}, {"character": "Ben"}
    mixed = [step(0, **anna), step(0.1, **ben), step(0.5, **anna), step(0.6, stem="FEET2", **anna), step(0.7, **ben)]
    assert feet_of(*mixed) == "RRLRL"
    characters = {"Anna": Character(first_foot="L", pause_s=0.1)}
    assert feet_of(*mixed, characters=characters) == "LRLLL"


def test_a_toe_after_a_heel_is_the_same_foot():
    parts = ("heel", "toe", "heel", "toe", "toe")
    assert feet_of(*(step(at / 4, part=part) for at, part in enumerate(parts))) == "RRLLR"


def test_the_order_of_the_sheet_does_not_matter():
    steps = [step(at) for at in (3, 0, 1, 2)]
    assert feet_of(*steps) == "LRLR"
    same_time = [step(1, id="b"), step(1, id="a")]
    assert feet_of(*same_time) == "LR"


SHEET = """\
id,start,stem,preset,character,Foot,part,effort,note
a,1.0,FEET,p,Anna, l ,heel,0.25,
b,2.0,FEET,p,Anna,auto,,1,
c,3.0,FEET,p,José  B. 2,R,scuff,,
d,4.0,CLOTH,p,,,,,none
"""


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_keeps_them(tmp_path, suffix):
    (tmp_path / "in.csv").write_text(SHEET, encoding="utf-8")
    sheet = read_cues(tmp_path / "in.csv", Clock())
    assert [(cue.character, cue.foot, cue.part, cue.effort) for cue in sheet.cues] == [
        ("Anna", "L", "heel", 0.25),
        ("Anna", "auto", None, 1.0),
        ("José  B. 2", "R", "scuff", None),
        ("", None, None, None),
    ]
    write_cues(sheet, tmp_path / f"out{suffix}", Clock())
    back = read_cues(tmp_path / f"out{suffix}", Clock())
    assert [dataclasses.replace(cue, row=0) for cue in back.cues] == [
        dataclasses.replace(cue, row=0) for cue in sheet.cues
    ]


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("foot", "left", "'left' is neither L, R nor auto"),
        ("part", "sole", "'sole' is neither heel, toe, scuff nor whole"),
        ("effort", "1.1", "'1.1' is not a number from 0 to 1"),
        ("effort", "nan", "'nan' is not a number from 0 to 1"),
        ("character", "x" * 65, "a character's name has 1 to 64 characters on one line"),
    ],
)
def test_wrong_values_are_refused_with_row_and_column(tmp_path, column, value, problem):
    (tmp_path / "in.csv").write_text(f"id,start,stem,preset,{column}\na,0.5,FEET,p,\nb,1.0,FEET,p,{value}\n")
    with pytest.raises(CueSheetError) as caught:
        read_cues(tmp_path / "in.csv", Clock())
    assert caught.value.line == f"{tmp_path / 'in.csv'}, row 3, column '{column}': {problem}"


def test_a_mapping_gives_them(tmp_path):
    (tmp_path / "show.toml").write_text(
        "schema = 1\n[[rules]]\nname = { regex = 'FS (.*) (\\w)' }\npreset = 'p'\ncharacter = '\\1'\nfoot = 'auto'\n"
        "part = 'toe'\neffort = 0.5\n"
    )
    mapping = read_mapping(tmp_path / "show.toml")
    (cue,) = timeline_to_sheet(timeline(clip("FS Anna B. x", "FEET", 0)), PATH, mapping).cues
    assert (cue.character, cue.foot, cue.part, cue.effort) == ("Anna B.", "auto", "toe", 0.5)
    with pytest.raises(CueSheetError, match="row 7, column 'character'"):
        timeline_to_sheet(timeline(clip(f"FS {'x' * 65} x", "FEET", 0, row=7)), PATH, mapping)


def test_check_finds_unknown_characters_repeated_feet_and_parts_of_no_foot():
    cues = [
        step(0, "R", id="a", character="Anna"),
        step(0.5, "R", id="b", character="Anna"),
        step(1, "L", id="heel", character="Anna", part="heel"),
        step(1.1, "L", id="toe", character="Anna", part="toe"),
        step(9, "L", id="later", character="Anna"),
        step(9.5, None, id="lost", character="Anna", part="toe"),
        step(10, None, id="who", character="Ana"),
    ]
    look = LintInput(CueSheet(PATH, cues, [], []), Clock(), presets=["p"], characters={"Anna": Character()})
    assert [(found.check, found.cue.id, found.message) for found in lint(look)] == [
        ("character", "who", "no character 'Ana' in the project; it has Anna; did you mean 'Anna'?"),
        ("foot", "b", "steps with foot R again, as 'a' (row 0)"),
        ("foot", "lost", "is the part 'toe' of no foot: fill in 'foot' (L, R or auto)"),
    ]


def test_a_project_describes_characters_strictly(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(
        '[characters."Anna B."]\nshoes = "boots"\ncadence_spm = 108.5\nasymmetry = -0.02\nfirst_foot = "L"\n'
        "pause_s = 0.1\n[characters.Ben]\nshoes = 2\n"
    )
    anna, ben = read_project(path).characters.values()
    assert (anna.shoes, anna.cadence_spm, anna.first_foot, ben.shoes) == ("boots", 108.5, "L", 2)
    assert anna.pause_samples(44_100) == 4410
    for text, problem in (
        ('[characters.Anna]\nfirst_foot = "left"', "first_foot"),
        ("[characters.Anna]\npause_s = 0", "pause_s"),
        ("[characters.Anna]\nshoe = 1", "unknown field `shoe`"),
        ('[characters.Anna]\nshoes = "a b"', "shoes"),
        ('[characters." "]', "a character's name has 1 to 64 characters"),
        ('[midi.feet]\n200 = "L"', "keys are whole numbers 0 to 127"),
        ('[midi.characters]\nT = ""', "a character's name has 1 to 64 characters"),
    ):
        path.write_text(text)
        with pytest.raises(ProjectError, match=problem):
            read_project(path).midi_mapping()
