"""Clips, markers and regions become cues: by a mapping, by name, or by the row that they carry."""

from pathlib import Path

import pytest

from plugin_backend.errors import CueSheetError
from render.cues.clip_mapping import read_mapping
from render.cues.cue import Cue
from render.cues.timeline_to_cues import timeline_to_sheet
from render.project.timecode import Clock
from tests.render.cues.timelines import FILM, HOUR, OWN, PATH, SHOW, clip, everything, timeline


@pytest.fixture
def mapping(tmp_path):
    def read(text: str = SHOW):
        path = tmp_path / "show.toml"
        path.write_text(text)
        return read_mapping(path)

    return read


def test_the_first_rule_that_matches_applies(mapping):
    items = [
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
    sheet = timeline_to_sheet(timeline(*items), PATH, mapping(), ["cup"])
    assert sheet.cues == [
        Cue(f"cup@{HOUR}", 0, "PROP-1-2", "cup", 100, -3.0, velocity=0.5, row=8,
            extra={"clip kind": "clip", "name": "cup", "track": "PROP 1/2", "file": ""}),
        Cue(f"back door shuts@{HOUR + 10}", 10, "DOORS", "wood-creak", None, -3.0, 0.0, 0.5, -2.0, row=5,
            extra={"clip kind": "marker", "name": "back door shuts", "track": "", "file": ""}),
        Cue(f"FS gravel 07@{HOUR + 20}", 20, "FEET", "step-gravel", 100, -3.0, -0.5, 0.5, note="heel", row=3,
            extra={"clip kind": "clip", "name": "FS gravel 07", "track": "Left", "file": "/a/b.wav", "reel": "A1",
                   "clip note": "x"}),
        Cue(f"Steps@{HOUR + 30}", 30, "FEET", "step-stone", 100, -3.0, velocity=1.0, row=1,
            extra={"clip kind": "clip", "name": "Steps", "track": "FX 1", "file": ""}),
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


def test_a_preset_name_in_an_edls_capitals_becomes_lower_case(mapping):
    rules = mapping("schema = 1\n[[rules]]\nname = { regex = 'FS (.*)' }\nstem = 'FEET'\npreset = 'step-\\1'")
    assert [cue.preset for cue in timeline_to_sheet(timeline(clip("FS GRAVEL")), PATH, rules).cues] == ["step-gravel"]


def test_rows_beside_clips_have_256_columns_together(mapping):
    items = [
        clip(f"{n}", row=n, extra=OWN | {"pisada.id": f"{n}"} | {f"pisada.{n}-{m}": "" for m in range(100)})
        for n in range(1, 4)
    ]
    assert len(timeline_to_sheet(timeline(*items[:2]), PATH).unknown_columns) == 201
    with pytest.raises(CueSheetError, match="row 3: more than 256 columns"):
        timeline_to_sheet(timeline(*items), PATH)


def test_without_a_mapping_tracks_are_stems_and_names_are_presets():
    items = [
        clip("Step-Wood", "Feet left", 5, row=1),
        clip("step-wood", "FEET LEFT", 6, row=2),
        clip("cup", "Foley", 7, row=3),
        clip("cup", "", 8, None, row=4, kind="marker"),
        clip("music", "MX", 9, row=5),
        clip("music", "MX", -9, row=6),
        clip("music", "MX", 11, row=7),
    ]
    sheet = timeline_to_sheet(timeline(*items), PATH, None, ["step-wood", "cup"])
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
    items = [clip("cup", "A", start, row=start) for start in (10, 20, 30)]
    before = timeline_to_sheet(timeline(*items), PATH, None, ["cup"])
    others = [clip("cup", "B", 5, row=1), clip("spoon", "A", 10, row=2), items[0], clip("cup", "A", 21), items[2]]
    after = timeline_to_sheet(timeline(*others), PATH, None, ["cup", "spoon"])
    assert {cue.id for cue in before.cues} - {cue.id for cue in after.cues} == {f"cup@{HOUR + 20}"}


def test_ids_are_unique_and_can_be_written():
    names = ["cup", "cup", " c\x00up\n", "c up", "", "\x1b", "x" * 500]
    items = [clip(name, "A", 10, row=row) for row, name in enumerate(names, 1)]
    ids = [cue.id for cue in timeline_to_sheet(timeline(*items, clock=Clock()), PATH, everything()).cues]
    assert ids == ["cup@10", "cup@10#2", "c up@10", "c up@10#2", "clip@10", "clip@10#2", "x" * 80 + "@10"]


def test_an_item_that_pisada_wrote_carries_its_row_but_not_its_position(mapping):
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


def test_a_copy_of_a_written_clip_becomes_another_cue():
    items = [clip("F1", "T", start, row=start, extra=OWN) for start in (10, 20)]
    sheet = timeline_to_sheet(timeline(*items), PATH)
    assert [cue.id for cue in sheet.cues] == ["F1", f"F1@{HOUR + 20}"]
    assert sheet.remarks[-1] == f"row 20: a copy of the cue 'F1' is called 'F1@{HOUR + 20}'"
