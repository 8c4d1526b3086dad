"""Edited sheets: exact edits, undo to the first state, and a log that gives every acknowledged edit back."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError, OutputError, TimecodeError
from render.cues import Cue, read_cues
from render.project.project import Project
from render.project.timecode import RATES, Clock
from render.sheet_editing.document import EditedSheet, read_for_editing
from render.sheet_editing.edits import (
    Add,
    AddAll,
    Delete,
    Fill,
    Listen,
    Mute,
    Nudge,
    Put,
    Slip,
    Split,
    ToSteps,
    Trim,
)
from render.sheet_editing.rows import StemState

PRESETS = frozenset({"step-gravel", "step-wood", "cloth-move", "gate-open"})
PROJECT = Project(fps="29.97df", start="01:00:00;00")
CLOCK = PROJECT.clock()
SHEET = """\
id,kind,start,duration,stem,preset,cadence,surface,follow,gain_db,pan,note,Scene
A,,01:00:01;00,,FEET,step-gravel,,,,-3,0.5,first,12
B,,01:00:02;00,2.0,PROPS,gate-open,,,,,,,
W,walk,01:00:04;00,10.0,FEET,,100,"step-gravel@0, step-wood@5.0s",,,,,
C,follow,01:00:04;00,10.0,CLOTH,cloth-move,,,FEET,-6,,,
"""


@pytest.fixture
def sheet(tmp_path) -> EditedSheet:
    (tmp_path / "reel.csv").write_text(SHEET)
    read = read_for_editing(tmp_path / "reel.csv", PROJECT, [tmp_path])
    return EditedSheet.create(tmp_path / "reel.edits", PROJECT, PRESETS, read)


def state(sheet: EditedSheet) -> tuple:
    return sorted(repr(row) for row in sheet.rows.values()), dict(sheet.stems)


def by_place(cues: list[Cue]) -> list[Cue]:
    return sorted((dataclasses.replace(cue, row=0) for cue in cues), key=lambda cue: (cue.start_samples, cue.id))


def reopened(sheet: EditedSheet) -> EditedSheet:
    sheet.close()
    again = EditedSheet.open(sheet._log.path, PROJECT, PRESETS)
    again.close()
    return again


def test_a_sheet_opens_with_its_walks_as_rows_and_expands_as_a_render_reads_it(sheet, tmp_path):
    assert list(sheet.rows) == ["A", "B", "W", "C"]
    whole = read_cues(tmp_path / "reel.csv", CLOCK)
    expanded = sheet.expansion()
    plain = by_place(whole.cues)
    assert by_place(expanded.cues) == plain
    assert {expanded.owner(cue) for cue in expanded.cues if cue.stem == "CLOTH"} == {"C"}
    sheet.save(tmp_path / "saved.csv")
    assert by_place(read_cues(tmp_path / "saved.csv", CLOCK).cues) == plain


def test_nudges_are_exact_by_frame_and_by_sample(sheet):
    """Frames of 29.97 are 1601.6 samples: a cue on a frame stays on frames, and nudges back to its first sample."""
    first = sheet.rows["A"].cue.start_samples
    frame = CLOCK.timecode_samples("01:00:01;00")
    assert first == frame
    for _ in range(3):
        sheet.edit(Nudge(["A", "B"], frames=1))
    assert sheet.rows["A"].cue.start_samples == CLOCK.timecode_samples("01:00:01;03")
    sheet.edit(Nudge(["A"], samples=-7))
    sheet.edit(Nudge(["A"], samples=7))
    sheet.edit(Nudge(["A"], frames=-3))
    assert sheet.rows["A"].cue.start_samples == first
    with pytest.raises(CueSheetError, match="samples before the programme's start"):
        sheet.edit(Nudge(["B", "A"], frames=-40))
    assert sheet.rows["B"].cue.start_samples == CLOCK.timecode_samples("01:00:02;03")
    without_rate = EditedSheet.create(sheet._log.path.with_name("plain.edits"), Project(), PRESETS)
    without_rate.edit(Add(0, {"id": "x", "stem": "FEET", "preset": "step-wood"}))
    with pytest.raises(TimecodeError, match="needs a frame rate"):
        without_rate.edit(Nudge(["x"], frames=1))


def test_each_edit_does_what_it_says(sheet):
    sheet.edit(Put(["A", "B"], 480_000))
    assert [sheet.rows[id].cue.start_samples for id in "AB"] == [480_000, 480_000 + 48_048]
    sheet.edit(Trim("B", 500_000, 1000))
    assert (sheet.rows["B"].cue.start_samples, sheet.rows["B"].cue.duration_samples) == (500_000, 1000)
    sheet.edit(Slip(["A"], -11))
    sheet.edit(Slip(["A"], -1))
    assert (sheet.rows["A"].cue.offset_samples, sheet.rows["A"].cue.start_samples) == (-12, 480_000)
    sheet.edit(Fill(["A", "B"], {"gain_db": "-4.5", "character": "Anna", "stem": "HANDS"}))
    assert {(row.cue.gain_db, row.cue.character, row.cue.stem) for row in map(sheet.rows.get, "AB")} == {
        (-4.5, "Anna", "HANDS")
    }
    assert sheet.undo_label == "Set gain, character, stem of 2 cues"
    sheet.edit(Fill(["A"], {"character": "", "pan": ""}))
    assert (sheet.rows["A"].cue.character, sheet.rows["A"].cue.pan, sheet.rows["A"].cue.extra) == (
        "",
        0,
        {"Scene": "12"},
    )
    sheet.edit(Fill(["W"], {"cadence": "90", "gait": "sneak", "slope": "0.5"}))
    assert sheet.rows["W"].cue.becomes.cadence_spm == 90
    sheet.edit(Mute(["C"]))
    sheet.edit(Listen("FEET", solo=True))
    assert not any(cue.stem == "CLOTH" for cue in sheet.expansion().cues) and sheet.stems["FEET"] == StemState(
        solo=True
    )
    sheet.edit(
        AddAll([Add(5, {"stem": "FEET", "preset": "step-wood"}), Add(6, {"stem": "FEET", "preset": "step-wood"})])
    )
    assert {"FEET-005", "FEET-006"} <= set(sheet.rows)
    sheet.edit(Delete(["B", "FEET-005"]))
    assert "B" not in sheet.rows and state(reopened(sheet)) == state(sheet)


def test_a_walk_is_split_where_its_surface_changes_or_not(sheet):
    at = sheet.rows["W"].cue.start_samples + 3 * 48_000
    sheet.edit(Split(["W"], at))
    first, second = sheet.rows["W"].cue, sheet.rows["W-2"].cue
    assert first.duration_samples == 3 * 48_000 and second.duration_samples == 7 * 48_000
    assert [(each.start_samples, each.preset) for each in first.becomes.surfaces] == [(0, "step-gravel")]
    assert [(each.start_samples, each.preset) for each in second.becomes.surfaces] == [
        (0, "step-gravel"),
        (2 * 48_000, "step-wood"),
    ]
    sheet.edit(ToSteps("W-2"))
    steps = [row.cue for id, row in sheet.rows.items() if id.startswith("W-2.")]
    assert len(steps) > 8 and all(cue.becomes is None and cue.start_samples >= at for cue in steps)
    assert state(reopened(sheet)) == state(sheet)


REFUSED = [
    (Nudge(["gone"], samples=1), "no cue 'gone'"),
    (Fill(["A"], {"gain_db": "loud"}), "column 'gain_db': 'loud' is not a number"),
    (Fill(["A"], {"source": "/etc/passwd"}), "cannot be changed here"),
    (Fill(["A"], {"preset": "/etc/passwd.preset"}), "files are named in sheets|no preset"),
    (Fill(["A"], {"preset": "step-gravle"}), "no preset 'step-gravle' in the bank.*step-gravel"),
    (Fill(["A"], {"stem": "../x"}), "stem"),
    (Fill(["A"], {"cadence": "100"}), "is for rows of the kind walk"),
    (Fill(["W"], {"cadence": "from:/etc/guide.wav"}), "files are named in sheets"),
    (Split(["B"], 0), "between its start and end"),
    (Trim("W", 0, None), "needs a length"),
    (Trim("A", 0, 0), "would end before it begins"),
    (Add(0, {"stem": "FEET", "colour": "red"}), "cannot be changed here"),
    (ToSteps("A"), "neither a walk"),
    (Listen("NONE"), "no cue is on a stem"),
]


def test_what_cannot_be_is_refused_and_nothing_changes(sheet):
    before = state(sheet), sheet._log.path.read_bytes()
    for edit, message in REFUSED:
        with pytest.raises(CueSheetError, match=message):
            sheet.edit(edit)
    assert (state(sheet), sheet._log.path.read_bytes()) == before
    with pytest.raises(CueSheetError, match="nothing to undo"):
        sheet.undo()


def test_a_sheet_may_not_name_files_elsewhere(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "reel.csv").write_text("id,start,stem,source\nx,0.0,FEET,../secret.wav\n")
    with pytest.raises(CueSheetError, match="row 2: .*outside the project's folder"):
        read_for_editing(tmp_path / "in" / "reel.csv", PROJECT, [tmp_path / "in"])


def test_two_programs_never_edit_one_sheet(sheet):
    with pytest.raises(OutputError, match="another process has it open"):
        EditedSheet.open(sheet._log.path, PROJECT, PRESETS)


ids = st.sampled_from(["A", "B", "W", "C", "A-2", "FEET-005"])
edits = st.one_of(
    st.builds(Nudge, st.lists(ids, min_size=1, max_size=3), st.integers(-5, 5), st.integers(-2000, 2000)),
    st.builds(Trim, ids, st.integers(0, 10**6), st.none() | st.integers(1, 10**6)),
    st.builds(Split, st.lists(ids, min_size=1, max_size=2, unique=True), st.integers(0, 10**6)),
    st.builds(Fill, st.lists(ids, min_size=1), st.just({"gain_db": "-1.5", "note": "=x"})),
    st.builds(Mute, st.lists(ids, min_size=1), st.booleans()),
    st.builds(Delete, st.lists(ids, min_size=1, max_size=1)),
    st.builds(Add, st.integers(0, 10**6), st.just({"stem": "FEET", "preset": "step-wood"})),
    st.builds(Slip, st.lists(ids, min_size=1), st.integers(-999, 999)),
    st.sampled_from(["undo", "redo"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(edits, max_size=12), st.integers(0, 10**6))
def test_any_edits_come_back_after_any_cut_and_undo_leads_to_the_beginning(sheet, work, cut):
    folder = sheet._log.path.parent / "again"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    log = Path(shutil.copy(sheet._log.path, folder))
    again = EditedSheet.open(log, PROJECT, PRESETS)
    states, sizes = [state(again)], [log.stat().st_size]
    for edit in work:
        try:
            again.undo() if edit == "undo" else again.redo() if edit == "redo" else again.edit(edit)
        except CueSheetError:
            assert state(again) == states[-1] and log.stat().st_size == sizes[-1]
            continue
        states.append(state(again))
        sizes.append(log.stat().st_size)
    again.close()
    cut = sizes[0] + cut % (sizes[-1] - sizes[0] + 1)
    shutil.copy(log, folder / "cut.edits")
    with open(folder / "cut.edits", "r+b") as file:
        file.truncate(cut)
    whole = EditedSheet.open(folder / "cut.edits", PROJECT, PRESETS)
    assert state(whole) == states[max(index for index, size in enumerate(sizes) if size <= cut)]
    assert bool(whole.findings) == (cut not in sizes)
    last = state(whole)
    while whole.undo_label:
        whole.undo()
    assert state(whole)[0] == states[0][0] and all(each == StemState() for each in whole.stems.values())
    while whole.redo_label:
        whole.redo()
    if not work or "redo" not in work and "undo" not in work:
        assert state(whole) == last
    whole.close()


@pytest.mark.parametrize("rate", ["23.976", "29.97df", "50"])
def test_every_rate_keeps_its_clock(tmp_path, rate):
    project = Project(fps=rate, start="00:59:58" + (";00" if RATES[rate].drop else ":00"))
    EditedSheet.create(tmp_path / "a.edits", project, PRESETS).close()
    again = EditedSheet.open(tmp_path / "a.edits", Project(), PRESETS)
    assert again.clock == project.clock() == again.project.clock() and again.clock != Clock()
    again.close()
