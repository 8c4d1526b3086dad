"""Mappings and timelines that are refused, damaged or hostile."""

import dataclasses
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError, ProjectError
from render.cues.clip_mapping import read_mapping
from render.cues.timeline import TimelineItem
from render.cues.timeline_to_cues import timeline_to_sheet
from render.project.stem_names import is_stem_name, nearest_stem_name
from tests.render.cues.timelines import FILM, OWN, PATH, SHOW, clip, everything, timeline


@pytest.fixture
def mapping(tmp_path):
    def read(text: str = SHOW):
        path = tmp_path / "show.toml"
        path.write_text(text)
        return read_mapping(path)

    return read


@pytest.mark.parametrize(
    ("items", "message"),
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
            r"preset's name; describe them in a mapping file \(--mapping\)",
        ),
    ],
)  # fmt: skip
def test_bad_timelines(items, message):
    with pytest.raises(CueSheetError) as caught:
        timeline_to_sheet(timeline(*items), PATH, None, ["cup"])
    assert re.search(message, str(caught.value)), str(caught.value)
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
    "ignores and gives": ("schema = 1\n[[rules]]\nname = 'a'\nignore = true\npreset = 'p'", "remove preset"),
    "nested deeply": ("x = " + "[" * 100_000, "nested too deeply"),
    "too large": ("#" * 2**20 + "\n", "larger than 1 MiB"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_mappings(mapping, tmp_path, name):
    text, message = BAD[name]
    with pytest.raises(ProjectError) as caught:
        mapping(text)
    assert re.search(message, str(caught.value)), str(caught.value)
    assert str(tmp_path / "show.toml") in str(caught.value)


def test_a_missing_mapping_and_one_that_is_not_text(tmp_path):
    for path, message in ((tmp_path / "no.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ProjectError, match=message):
            read_mapping(path)
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProjectError, match="b.toml: .*utf-8"):
        read_mapping(tmp_path / "b.toml")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(SHOW)), patch=st.text(max_size=8), gone=st.integers(0, 20))
def test_a_damaged_mapping_raises_no_traceback(tmp_path, place, patch, gone):
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
@given(items=st.lists(hostile, max_size=5))
def test_hostile_timelines_become_cues_that_can_be_written_or_are_refused(tmp_path, items):
    from render.cues import read_cues
    from render.cues.writers.csv_sheet import write_csv

    path, out = tmp_path / "x.edl", tmp_path / "x.csv"
    try:
        sheet = timeline_to_sheet(timeline(*items), path, everything())
        write_csv(sheet, out, FILM)
    except CueSheetError as error:
        assert error.file in (path, out)
        assert "\n" not in str(error)
        return
    back = read_cues(out, FILM)
    columns = dict.fromkeys(back.unknown_columns, "")
    wanted = [dataclasses.replace(cue, row=0, extra=columns | cue.extra) for cue in sheet.cues]
    assert sorted(map(repr, wanted)) == sorted(repr(dataclasses.replace(cue, row=0)) for cue in back.cues)
    assert all(is_stem_name(cue.stem) for cue in back.cues if cue.extra.get("clip kind"))


@given(name=st.text(max_size=60))
def test_any_name_becomes_a_stem_name(name):
    stem = nearest_stem_name(name, "CLIPS")
    assert is_stem_name(stem)
    assert stem == name or not is_stem_name(name)


def test_a_pattern_that_takes_too_long_is_refused(mapping):
    rules = mapping("schema = 1\n[[rules]]\nname = { regex = '(\\w|\\w\\w)+!' }\nstem = 'FEET'")
    with pytest.raises(CueSheetError, match="the mapping's pattern .* takes more than 0.5 s on 'aaaa") as caught:
        rules.rule_for(TimelineItem("clip", "a" * 60 + "?!", "A1", 0, 1, 1))
    assert "\n" not in str(caught.value)
