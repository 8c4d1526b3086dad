"""Clips, markers and regions become cues: by a mapping, by name, or by the row they carry."""

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError, ProjectError
from render.cues.clip_mapping import read_mapping
from render.cues.cue import Cue
from render.cues.timeline import Timeline, TimelineItem
from render.cues.timeline_to_cues import timeline_to_sheet
from render.project.stem_names import is_stem_name, nearest_stem_name
from render.project.timecode import RATES, Clock

FILM = Clock(48_000, RATES["24"], 86_400)
HOUR = FILM.start_samples
SHOW = """
schema = 1

[defaults]
gain_db = -3.0
velocity = 0.5

[[rules]]
track = { glob = "DX *" }
ignore = true

[[rules]]
name = "Steps"
stem = "FEET"
preset = "step-stone"
velocity = 1

[[rules]]
name = { regex = 'FS[ _](?P<floor>\\w+)\\s*(\\d+)?' }
track = { regex = "(Left|Right)" }
stem = "FEET"
preset = 'step-\\1'
pan = -0.5

[[rules]]
kind = "marker"
name = { glob = "*door*" }
stem = "DOORS"
preset = "wood-creak"
pitch_semitones = -2

[[rules]]
track = { regex = "PROP (.*)" }
stem = 'PROP-\\1'
"""


@pytest.fixture
def mapping(tmp_path):
    def read(text: str = SHOW):
        path = tmp_path / "show.toml"
        path.write_text(text)
        return read_mapping(path)

    return read


def clip(name: str, track: str = "", start: int = 0, length: int | None = 100, row: int = 1, **more) -> TimelineItem:
    return TimelineItem(more.pop("kind", "clip"), name, track, start, length, row, **more)


def timeline(*spots: TimelineItem, clock: Clock = FILM) -> Timeline:
    return Timeline("EDL", clock, list(spots), ["line 9: a comment"])


PATH = Path("/reel/reel.edl")


def test_the_first_rule_that_matches_counts(mapping):
    spots = [
        clip("Steps", "FX 1", 30, row=1),
        clip("steps", "FX 1", 40, row=2),  # an exact name minds capitals
        clip(
            "FS gravel 07", "Left", 20, row=3, note="heel", source=Path("/a/b.wav"), extra={"Reel": "A1", "note": "x"}
        ),
        clip("FS_gravel", "Lefty", 25, row=4),
        clip("back door shuts", "", 10, None, row=5, kind="marker"),
        clip("back door shuts", "", 10, 50, row=6, kind="region"),
        clip("Steps", "DX 1", 5, row=7),
        clip("cup", "PROP 1/2", 0, row=8),
        clip("spoon", "PROP 1/2", 7, row=9),
    ]
    sheet = timeline_to_sheet(timeline(*spots), PATH, mapping(), ["cup"])
    assert sheet.cues == [
        Cue(f"cup@{HOUR}", 0, "PROP-1-2", "cup", 100, -3.0, velocity=0.5, row=8,
            extra={"kind": "clip", "name": "cup", "track": "PROP 1/2", "file": ""}),
        Cue(f"back door shuts@{HOUR + 10}", 10, "DOORS", "wood-creak", None, -3.0, 0.0, 0.5, -2.0, row=5,
            extra={"kind": "marker", "name": "back door shuts", "track": "", "file": ""}),
        Cue(f"FS gravel 07@{HOUR + 20}", 20, "FEET", "step-gravel", 100, -3.0, -0.5, 0.5, note="heel", row=3,
            extra={"kind": "clip", "name": "FS gravel 07", "track": "Left", "file": "/a/b.wav", "reel": "A1",
                   "clip note": "x"}),
        Cue(f"Steps@{HOUR + 30}", 30, "FEET", "step-stone", 100, -3.0, velocity=1.0, row=1,
            extra={"kind": "clip", "name": "Steps", "track": "FX 1", "file": ""}),
    ]  # fmt: skip
    assert (sheet.path, sheet.format, sheet.clock, sheet.unknown_columns) == (PATH, "EDL", FILM, [])
    assert sheet.remarks == [
        "line 9: a comment",
        "row 7: clip 'Steps' on track 'DX 1' is ignored by the mapping",
        "row 8: the stem of 'PROP-1/2' is called 'PROP-1-2'",
        "row 2: clip 'steps' on track 'FX 1' matches no rule of the mapping",
        "row 4: clip 'FS_gravel' on track 'Lefty' matches no rule of the mapping",
        "row 6: region 'back door shuts' matches no rule of the mapping",
        "row 9: clip 'spoon' on track 'PROP 1/2' matches a rule that gives no preset",
    ]
    assert sheet.unmatched == 4


def test_a_preset_found_in_the_capitals_of_an_edl_is_written_small(mapping):
    rules = mapping("schema = 1\n[[rules]]\nname = { regex = 'FS (.*)' }\nstem = 'FEET'\npreset = 'step-\\1'")
    assert [cue.preset for cue in timeline_to_sheet(timeline(clip("FS GRAVEL")), PATH, rules).cues] == ["step-gravel"]


def test_rows_beside_clips_have_256_columns_together(mapping):
    spots = [
        clip(f"{n}", row=n, extra=OWN | {"pisada.id": f"{n}"} | {f"pisada.{n}-{m}": "" for m in range(100)})
        for n in range(1, 4)
    ]
    assert len(timeline_to_sheet(timeline(*spots[:2]), PATH).unknown_columns) == 201
    with pytest.raises(CueSheetError, match="row 3: more than 256 columns"):
        timeline_to_sheet(timeline(*spots), PATH)


def test_without_a_mapping_tracks_are_stems_and_names_are_presets():
    spots = [
        clip("Step-Wood", "Feet left", 5, row=1),
        clip("step-wood", "FEET LEFT", 6, row=2),
        clip("cup", "Foley", 7, row=3),
        clip("cup", "", 8, None, row=4, kind="marker"),
        clip("music", "MX", 9, row=5),
        clip("music", "MX", -9, row=6),
        clip("music", "MX", 11, row=7),
    ]
    sheet = timeline_to_sheet(timeline(*spots), PATH, None, ["step-wood", "cup"])
    assert [(cue.stem, cue.preset) for cue in sheet.cues] == [
        ("Feet-left", "step-wood"),
        ("Feet-left", "step-wood"),
        ("Foley-TRACK", "cup"),
        ("MARKERS", "cup"),
    ]
    assert sheet.remarks[1:] == [
        "row 1: the stem of 'Feet left' is called 'Feet-left'",
        "row 2: the stem of 'FEET LEFT' is called 'Feet-left'",
        "row 3: the stem of 'Foley' is called 'Foley-TRACK'",
        "row 4: no track: stem 'MARKERS'",
        "rows 5, 7: clip 'music' on track 'MX' has no preset's name",
        "row 6: clip 'music' on track 'MX' before the programme's start has no preset's name",
    ]


def test_an_id_does_not_change_when_others_come_go_or_move():
    spots = [clip("cup", "A", start, row=start) for start in (10, 20, 30)]
    before = timeline_to_sheet(timeline(*spots), PATH, None, ["cup"])
    others = [clip("cup", "B", 5, row=1), clip("spoon", "A", 10, row=2), spots[0], clip("cup", "A", 21), spots[2]]
    after = timeline_to_sheet(timeline(*others), PATH, None, ["cup", "spoon"])
    assert {cue.id for cue in before.cues} - {cue.id for cue in after.cues} == {f"cup@{HOUR + 20}"}


def test_ids_are_unique_and_can_be_written():
    names = ["cup", "cup", " c\x00up\n", "c up", "", "\x1b", "x" * 500]
    spots = [clip(name, "A", 10, row=row) for row, name in enumerate(names, 1)]
    ids = [cue.id for cue in timeline_to_sheet(timeline(*spots, clock=Clock()), PATH, everything()).cues]
    assert ids == ["cup@10", "cup@10#2", "c up@10", "c up@10#2", "clip@10", "clip@10#2", "x" * 80 + "@10"]


def everything():
    import msgspec

    from render.cues.clip_mapping import Mapping

    rule = {"name": {"regex": "(?s).*"}, "stem": "A", "preset": "p"}
    return msgspec.convert({"schema": 1, "rules": [rule]}, Mapping)


OWN = {
    "pisada.id": "F1", "pisada.stem": "FEET", "pisada.preset": "step", "pisada.gain_db": "-6", "pisada.seed": "7",
    "pisada.source": "in/a.wav", "pisada.note": "a\nb", "pisada.Scene": "12A", "other": "y",
}  # fmt: skip


def test_a_spot_that_pisada_wrote_carries_its_row_but_not_its_place(mapping):
    moved = clip("whatever", "T", 999, 50, row=4, extra=OWN | {"pisada.start": "1.0", "pisada.end": "2.0"})
    own_length = clip("x", "T", 5, 50, row=5, extra={"pisada.id": "F2", "pisada.stem": "A", "pisada.preset": "p"})
    own_length.extra["pisada.duration"] = ""
    sheet = timeline_to_sheet(timeline(moved, own_length), PATH, mapping("schema = 1"))
    assert sheet.cues == [
        Cue("F2", 5, "A", "p", None, row=5, extra={"Scene": ""}),
        Cue("F1", 999, "FEET", "step", 50, -6.0, source=Path("/reel/in/a.wav"), seed=7, note="a\nb", row=4,
            extra={"Scene": "12A"}),
    ]  # fmt: skip
    assert (sheet.unknown_columns, sheet.remarks) == (["Scene"], ["line 9: a comment"])


def test_clips_of_picture_are_left_out():
    picture = clip("cup", "V1", 1, row=2, extra={"media": "picture"})
    sheet = timeline_to_sheet(timeline(clip("cup", "A"), picture), PATH, None, ["cup"])
    assert [cue.stem for cue in sheet.cues] == ["A"]
    assert sheet.remarks[-1] == "row 2: clip 'cup' on track 'V1' is picture: left out"


def test_muted_clips_are_left_out():
    muted = clip("cup", "A", 1, row=2, extra={"muted": "yes"})
    sheet = timeline_to_sheet(timeline(clip("cup", "A"), muted), PATH, None, ["cup"])
    assert [cue.start_samples for cue in sheet.cues] == [0]
    assert sheet.remarks[-1] == "row 2: clip 'cup' on track 'A' is muted: left out"


def test_a_copy_of_a_written_clip_is_a_cue_of_its_own():
    spots = [clip("F1", "T", start, row=start, extra=OWN) for start in (10, 20)]
    sheet = timeline_to_sheet(timeline(*spots), PATH)
    assert [cue.id for cue in sheet.cues] == ["F1", f"F1@{HOUR + 20}"]
    assert sheet.remarks[-1] == f"row 20: a copy of the cue 'F1' is called 'F1@{HOUR + 20}'"


@pytest.mark.parametrize(
    ("spots", "told"),
    [
        (
            [clip("cup", "A", -1, row=3)],
            "row 3: clip 'cup' on track 'A' at 00:59:59:23 is before the programme's start, 01:00:00:00",
        ),
        ([clip("cup", "A", 24 * 3600 * 48_000 + 1, row=3)], "row 3: .* more than 24 hours"),
        ([clip("cup", "A", 0, 24 * 3600 * 48_000 + 1, row=3)], "row 3: .* more than 24 hours"),
        ([clip("F1", "A", 0, row=3, extra=OWN | {"pisada.gain_db": "99"})], "row 3, column 'gain_db': '99' is not"),
        ([clip("F1", "A", 0, row=3, extra={"pisada.id": "F1"})], "row 3, column 'stem': must be filled in"),
        ([], "the EDL file holds no clips, markers or regions"),
        (
            [clip("a\nb", "A", row=3), clip("c", "A", row=4)],
            "not one of its 2 clips, markers and regions becomes a cue, such as row 3: clip 'a b' on track 'A' has no "
            r"preset's name; say in a mapping file \(--mapping\)",
        ),
    ],
)  # fmt: skip
def test_bad_timelines(spots, told):
    with pytest.raises(CueSheetError) as caught:
        timeline_to_sheet(timeline(*spots), PATH, None, ["cup"])
    assert re.search(told, str(caught.value)), str(caught.value)
    assert str(caught.value).startswith("/reel/reel.edl")
    assert "\n" not in str(caught.value)


BAD = {
    "no schema": ("rules = []", "missing required field `schema`"),
    "newer schema": ("schema = 2", "schema"),
    "not TOML": ("schema = ", "show.toml: "),
    "unknown key": ("schema = 1\nrule = []", "unknown field `rule`"),
    "unknown key in a rule": ("schema = 1\n[[rules]]\nnames = 'x'", "unknown field `names`"),
    "matches nothing": ("schema = 1\n[[rules]]\nstem = 'A'", "a rule needs a name, a track or a kind"),
    "unknown kind": ("schema = 1\n[[rules]]\nkind = 'clips'", "Invalid enum value 'clips'"),
    "empty pattern": ("schema = 1\n[[rules]]\nname = {}", "either a glob or a regex"),
    "two patterns": ("schema = 1\n[[rules]]\nname = {glob='*', regex='.'}", "either a glob or a regex"),
    "bad regex": ("schema = 1\n[[rules]]\nname = {regex='('}", r"'\(' is not a regular expression"),
    "huge regex": ("schema = 1\n[[rules]]\nname = {regex='a{99999999999}'}", "is not a regular expression"),
    "group too many": ("schema = 1\n[[rules]]\nname = {regex='(a)'}\nstem='\\2'", "refers to group 2; .* has 1"),
    "group of a glob": ("schema = 1\n[[rules]]\nname = {glob='*'}\npreset='\\1'", "refers to group 1; .* has 0"),
    "bad stem": ("schema = 1\n[[rules]]\nname = 'a'\nstem = '../x'", "stem '../x': a stem's name has"),
    "stem like the sum": ("schema = 1\n[defaults]\nstem = 'Foley'", "is not FOLEY"),
    "too loud": ("schema = 1\n[[rules]]\nname = 'a'\ngain_db = 25", r"<= 24.*at `\$.rules\[0\].gain_db`"),
    "NaN": ("schema = 1\n[defaults]\npan = nan", r"\$.defaults.pan"),
    "number for a name": ("schema = 1\n[[rules]]\nname = 3", r"\$.rules\[0\].name"),
    "ignores and gives": ("schema = 1\n[[rules]]\nname = 'a'\nignore = true\npreset = 'p'", "take out preset"),
    "nested deeply": ("x = " + "[" * 100_000, "nested too deeply"),
    "too large": ("#" * 2**20 + "\n", "larger than 1 MiB"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_mappings(mapping, tmp_path, name):
    text, told = BAD[name]
    with pytest.raises(ProjectError) as caught:
        mapping(text)
    assert re.search(told, str(caught.value)), str(caught.value)
    assert str(tmp_path / "show.toml") in str(caught.value)


def test_a_missing_mapping_and_one_that_is_not_text(tmp_path):
    for path, told in ((tmp_path / "no.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ProjectError, match=told):
            read_mapping(path)
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProjectError, match="b.toml: .*utf-8"):
        read_mapping(tmp_path / "b.toml")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(SHOW)), patch=st.text(max_size=8), gone=st.integers(0, 20))
def test_a_damaged_mapping_makes_no_traceback(tmp_path, place, patch, gone):
    path = tmp_path / "any.toml"
    path.write_bytes((SHOW[:place] + patch + SHOW[place + gone :]).encode("utf-8", "replace"))
    try:
        timeline_to_sheet(timeline(clip("Steps", "Left"), clip("FS a", "Left")), PATH, read_mapping(path), ["cup"])
    except ProjectError as error:
        assert str(path) in str(error)
    except CueSheetError as error:
        assert error.file == PATH


texts = st.text(max_size=12)
hostile = st.builds(
    TimelineItem,
    kind=st.sampled_from(["clip", "marker", "region"]),
    name=texts,
    track=texts,
    start_samples=st.integers(-(10**6), 10**15),
    duration_samples=st.none() | st.integers(1, 10**15),
    row=st.integers(1, 99),
    note=texts,
    extra=st.dictionaries(texts | st.sampled_from([*OWN, "pisada.", "pisada.duration", "Pan"]), texts, max_size=4),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spots=st.lists(hostile, max_size=5))
def test_hostile_timelines_become_cues_that_can_be_written_or_are_refused(tmp_path, spots):
    from render.cues import read_cues
    from render.cues.writers.csv_sheet import write_csv

    path, out = tmp_path / "x.edl", tmp_path / "x.csv"
    try:
        sheet = timeline_to_sheet(timeline(*spots), path, everything())
        write_csv(sheet, out, FILM)
    except CueSheetError as error:
        assert error.file in (path, out)
        assert "\n" not in str(error)
        return
    back = read_cues(out, FILM)
    columns = dict.fromkeys(back.unknown_columns, "")
    wanted = [dataclasses.replace(cue, row=0, extra=columns | cue.extra) for cue in sheet.cues]
    assert sorted(map(repr, wanted)) == sorted(repr(dataclasses.replace(cue, row=0)) for cue in back.cues)
    assert all(is_stem_name(cue.stem) for cue in back.cues if cue.extra.get("kind"))


@given(name=st.text(max_size=60))
def test_any_name_becomes_a_stem_name(name):
    stem = nearest_stem_name(name, "CLIPS")
    assert is_stem_name(stem)
    assert stem == name or not is_stem_name(name)


def test_a_pattern_that_takes_too_long_is_told_in_a_line(mapping):
    rules = mapping("schema = 1\n[[rules]]\nname = { regex = '(\\w|\\w\\w)+!' }\nstem = 'FEET'")
    with pytest.raises(CueSheetError, match="the mapping's pattern .* takes more than 0.5 s on 'aaaa") as caught:
        rules.rule_for(TimelineItem("clip", "a" * 60 + "?!", "A1", 0, 1, 1))
    assert "\n" not in str(caught.value)
