"""Walk rows become steps, and rows that follow a stem become cues at its steps."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_backend.errors import CueSheetError
from render.cues import Cue, CueSheet, read_cues
from render.cues.cue import ReadOptions
from render.cues.walks.rows import WalkSettings
from render.cues.write import write_cues
from render.project.characters import Character
from render.project.timecode import RATES, Clock

FILM = Clock(48_000, RATES["23.976"], 86_400)
HEAD = (
    "id,kind,start,end,duration,stem,preset,cadence,surface,gait,slope,character,foot,velocity,effort,pan,end_pan,note,"
)
HEAD += "seed,follow,every,offset,start_steps,stop_steps,Scene"
COLUMNS = HEAD.split(",")
BANK = ["step-gravel", "step-wood", "cloth-move"]


@pytest.fixture
def read(tmp_path):
    def read(*rows: dict, clock: Clock = FILM, **options) -> CueSheet:
        path = tmp_path / "reel.csv"
        lines = [",".join(f'"{row.get(name, "")}"' for name in COLUMNS) for row in rows]
        path.write_text("\n".join([HEAD, *lines]) + "\n")
        return read_cues(path, clock, presets=BANK, options=ReadOptions(walks=WalkSettings(**options)))

    return read


def walk(**cells: object) -> dict:
    row = {
        "id": "W",
        "kind": "walk",
        "start": "01:00:04:00",
        "duration": "20.0",
        "stem": "FEET",
        "preset": "step-gravel",
    }
    return row | cells


def cloth(**cells: object) -> dict:
    row = {"id": "C", "kind": "follow", "start": "0.0", "duration": "60.0", "stem": "CLOTH", "preset": "cloth-move"}
    return row | {"follow": "FEET"} | cells


def test_a_walk_becomes_steps(read):
    sheet = read(
        walk(note="Anna", character="Anna", Scene="12A", cadence="105.5"), {**walk(), "id": "x", "kind": "cue"}
    )
    steps = [cue for cue in sheet.cues if cue.id != "x"]
    assert [cue.id for cue in steps] == [f"W.{number}" for number in range(1, len(steps) + 1)]
    assert len(steps) == pytest.approx(20 * 105.5 / 60, abs=2)
    assert steps[0].start_samples == FILM.timecode_samples("01:00:04:00")
    assert all(isinstance(cue.start_samples, int) for cue in steps)
    assert "".join(cue.foot for cue in steps).startswith("RLRLRL")
    assert {(cue.stem, cue.preset, cue.character, cue.duration_samples, cue.row) for cue in steps} == {
        ("FEET", "step-gravel", "Anna", None, 2)
    }
    assert [cue.note for cue in steps[:3]] == ["Anna", "", ""] and steps[5].extra == {"Scene": "12A"}
    assert len({cue.velocity for cue in steps}) > len(steps) // 2
    assert (sheet.walks, sheet.remarks) == (1, [f"1 row of the kind walk: {len(steps)} cues"])


def test_the_surface_changes_on_the_step_at_its_time(read):
    steps = read(walk(preset="", surface="step-gravel@0, step-wood@6.2s")).cues
    change = steps[0].start_samples + 297_600
    assert {cue.preset for cue in steps if cue.start_samples < change} == {"step-gravel"}
    assert {cue.preset for cue in steps if cue.start_samples >= change} == {"step-wood"}


def test_a_walk_follows_from_seed_take_and_id_only(read):
    def times(*rows, **settings):
        return [cue.start_samples for cue in read(*rows, **settings).cues if cue.id.startswith("W.")]

    plain = times(walk())
    assert times(walk(id="V", start="01:00:05:00"), walk()) == plain
    others = [times(walk(), seed=2), times(walk(), take=2), times(walk(seed="5"))]
    assert len({tuple(each) for each in [plain, *others]}) == 4
    assert times(walk(seed="5"), seed=9, take=3) == times(walk(seed="5"))
    own = read(walk(seed="5")).cues
    assert len({cue.seed for cue in own}) == len(own) and read(walk()).cues[0].seed is None


def test_a_characters_settings_are_used_unless_the_row_has_its_own(read):
    characters = {"Anna": Character(cadence_spm=60.0, first_foot="L", asymmetry=0.2)}
    anna = read(walk(character="Anna"), characters=characters).cues
    gaps = np.diff([cue.start_samples for cue in anna])[3:-3]
    assert len(anna) == pytest.approx(20, abs=2) and anna[0].foot == "L"
    left = np.array([cue.foot == "L" for cue in anna[4:-3]])
    assert gaps[left].mean() / gaps[~left].mean() == pytest.approx(1.5, abs=0.1)
    own = read(walk(character="Anna", cadence="120", foot="R"), characters=characters).cues
    assert len(own) == pytest.approx(40, abs=3) and own[0].foot == "R"


def test_pan_moves_evenly_and_levels_follow_the_row(read):
    steps = read(walk(pan="-0.6", end_pan="0.2", velocity="0.5", effort="0.3")).cues
    length = 20 * 48_000
    for cue in steps:
        way = (cue.start_samples - steps[0].start_samples) / length
        assert cue.pan == pytest.approx(-0.6 + 0.8 * way, abs=0.0006)
    assert np.mean([cue.velocity for cue in steps]) == pytest.approx(0.5, abs=0.06)
    assert np.mean([cue.effort for cue in steps]) == pytest.approx(0.3, abs=0.04)


def ordinary(name: str, start: str, **cells: object) -> dict:
    return {"id": name, "start": start, "stem": "PROPS", "preset": "step-wood"} | cells


def test_a_walk_takes_its_times_from_another_stem(read):
    beats = [ordinary("a", "5.0", velocity="0.5", foot="L"), ordinary("b", "01:00:07:03", offset="-2f")]
    sheet = read(*beats, ordinary("early", "3.9"), walk(cadence="from:PROPS", velocity="0.8"))
    steps = [cue for cue in sheet.cues if cue.stem == "FEET"]
    assert [(cue.id, cue.start_samples) for cue in steps] == [
        ("W.1", 240_000),
        ("W.2", FILM.timecode_samples("01:00:07:03")),
    ]
    assert [cue.foot for cue in steps] == ["L", "auto"] and steps[1].offset_samples == -4004
    assert steps[0].velocity / steps[1].velocity == pytest.approx(0.5, abs=0.2)


def test_a_walk_takes_its_times_from_a_guide_track(read, tmp_path):
    sound = np.zeros(12 * 44_100)
    hits = [44_100 * second for second in (1, 5, 6, 7, 8)]
    for at in hits:
        sound[at : at + 4000] = np.exp(-np.arange(4000) / 400) * np.sin(np.arange(4000) / 5)
    soundfile.write(tmp_path / "guide.wav", sound, 44_100)
    steps = read(walk(cadence="from:guide.wav")).cues
    assert len(steps) == 4  # the first is before the walk
    for cue, at in zip(steps, hits[1:], strict=True):
        assert abs(cue.start_samples - at * 48_000 / 44_100) < 100


def test_cloth_follows_the_steps_of_a_walk_and_of_rows(read):
    rows = [walk(effort="0.5"), ordinary("x", "30.0", stem="FEET", velocity="0.4", pan="0.3", offset="10smp")]
    sheet = read(*rows, cloth(velocity="0.8", offset="-480smp", note="coat"))
    steps = [cue for cue in sheet.cues if cue.stem == "FEET"]
    brushes = [cue for cue in sheet.cues if cue.stem == "CLOTH"]
    assert [cue.id for cue in brushes] == [f"C.{number}" for number in range(1, len(steps) + 1)]
    assert [cue.start_samples for cue in brushes] == [cue.start_samples for cue in steps]
    assert [cue.velocity for cue in brushes[:-1]] == [round(0.8 * cue.effort, 3) for cue in steps[:-1]]
    last = brushes[-1]
    assert (last.velocity, last.effort, last.pan, last.offset_samples) == (0.32, 0.4, 0.3, -470)
    assert {cue.offset_samples for cue in brushes[:-1]} == {-480}
    assert {cue.foot for cue in brushes} == {None} and [cue.note for cue in brushes[:2]] == ["coat", ""]
    assert sheet.remarks == [
        f"1 row of the kind walk: {len(steps) - 1} cues",
        f"1 row of the kind follow: {len(steps)} cues",
    ]


def test_cloth_follows_every_second_step_of_its_character_within_its_times(read):
    rows = [walk(character="Anna"), walk(id="B", character="Ben", start="01:00:04:01")]
    sheet = read(*rows, cloth(character="Anna", every="2", start="10.0", duration="5.0", pan="0"))
    anna = [cue for cue in sheet.cues if cue.id.startswith("W.") and 480_000 <= cue.start_samples < 720_000]
    brushes = [cue for cue in sheet.cues if cue.stem == "CLOTH"]
    assert [cue.start_samples for cue in brushes] == [cue.start_samples for cue in anna[::2]]
    assert {cue.character for cue in brushes} == {"Anna"}


def test_a_row_follows_rows_that_follow_and_a_circle_is_refused(read):
    keys = cloth(id="K", stem="PROPS", follow="CLOTH", velocity="0.5", offset="10smp")
    last = cloth(id="L", stem="BAG", follow="PROPS", every="2")
    sheet = read(last, keys, cloth(offset="5smp"), walk(duration="5.0"))
    by_stem = {stem: [cue for cue in sheet.cues if cue.stem == stem] for stem in ("FEET", "CLOTH", "PROPS", "BAG")}
    steps = by_stem["FEET"]
    starts = [[cue.start_samples for cue in by_stem[stem]] for stem in by_stem]
    assert len(steps) > 5 and starts[0] == starts[1] == starts[2] and starts[3] == starts[0][::2]
    assert {cue.offset_samples for cue in by_stem["PROPS"]} == {15}
    assert [cue.velocity for cue in by_stem["PROPS"]] == [round(0.5 * cue.effort, 3) for cue in by_stem["CLOTH"]]
    assert sheet.remarks[-1] == f"3 rows of the kind follow: {2 * len(steps) + len(by_stem['BAG'])} cues"
    with pytest.raises(CueSheetError) as refused:
        read(keys, cloth(follow="PROPS"), cloth(id="N", stem="NEAR", follow="CLOTH"), walk())
    assert [(error.row, error.field) for error in refused.value.each] == [(2, "follow"), (3, "follow")]
    assert "PROPS follows CLOTH" in str(refused.value) and "CLOTH follows PROPS" in str(refused.value)


def test_kept_rows_that_follow_are_written_and_read_back(read, tmp_path):
    rows = [
        walk(),
        cloth(every="2", pan="0", velocity="0.7", offset="2f"),
        cloth(id="D", end="01:00:09:00", duration=""),
    ]
    whole, kept = read(*rows), read(*rows, keep_follow=True)
    assert [cue.becomes is not None for cue in kept.cues if cue.stem == "CLOTH"] == [True, True]
    for suffix in (".csv", ".xlsx", ".otio", ".rpp", ".aaf"):
        write_cues(kept, tmp_path / f"out{suffix}", FILM)
        back = read_cues(tmp_path / f"out{suffix}", FILM)
        assert content(back) == content(whole), suffix


FIELDS = [name for name in Cue.__dataclass_fields__ if name != "row"]


def content(sheet: CueSheet) -> list[tuple]:
    return sorted(tuple(str(getattr(cue, name)) for name in FIELDS) for cue in sheet.cues)


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        (walk(duration="", end="01:00:03:00"), "end", "the end '01:00:03:00' is not after the start"),
        (walk(duration=""), "end", "a walk needs an end or a duration"),
        (walk(cadence="0"), "cadence", "'0' is not a number from 1 to 1200"),
        (walk(cadence="fast"), "cadence", "'fast' is not a number from 1 to 1200"),
        (walk(cadence="from:"), "cadence", "names neither a stem nor an audio file"),
        (walk(cadence="from:FEET"), "cadence", "the walk is on the stem FEET itself"),
        (walk(cadence="from:PROPS"), "cadence", "no cue on the stem PROPS between its start and end"),
        (walk(cadence="from:no.wav"), "cadence", "no.wav"),
        (walk(surface="step-gravel@0, step-wod@2.0"), "surface", "no preset 'step-wod' in the bank"),
        (walk(slope="1.5"), "slope", "'1.5' is not a number from -1 to 1"),
        (walk(gait="wolk"), "gait", "there is no gait 'wolk'; there are walk, run, stairs, sneak, typing, fingers"),
        (walk(gait="typing", slope="0.5"), "slope", "the gait 'typing' is of hands, not of feet"),
        (walk(start_steps="-1"), "start_steps", "'-1' is not a whole number from 0 to 50"),
        (walk(kind="dance"), "kind", "'dance' is neither cue, walk nor follow"),
        (walk(kind="", cadence="100"), "cadence", "is for rows of the kind walk"),
        (walk(every="2"), "every", "is for rows of the kind follow"),
        (walk(preset=""), "preset", "a cue needs a preset or a source"),
        (walk(duration="86399.0", cadence="1200"), None, "more than 100000 steps"),
        (cloth(follow=""), "follow", "must be filled in"),
        (cloth(follow="CLOTH"), "follow", "CLOTH cannot follow itself"),
        (cloth(), "follow", "no step on FEET between its start and end"),
    ],
)
def test_wrong_rows_are_refused_with_row_and_column(read, tmp_path, row, column, problem):
    with pytest.raises(CueSheetError) as caught:
        read(row)
    place = f"{tmp_path / 'reel.csv'}, row 2" + (f", column '{column}'" if column else "")
    assert [line for line in caught.value.lines if line.startswith(f"{place}: ") and problem in line], (
        caught.value.lines
    )
    assert len(caught.value.lines) == 1


def test_an_id_of_a_step_that_another_row_has_is_refused(read):
    with pytest.raises(CueSheetError, match=r"row 2, column 'id': its step 'W.3' has the id of row 3: rename one"):
        read(walk(), ordinary("W.3", "1.0"))


def test_a_partial_read_keeps_the_other_rows(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(
        "id,kind,start,duration,stem,preset,surface\nW,walk,1.0,5.0,FEET,,no@0\nV,walk,1.0,5.0,FEET,step,\n"
    )
    sheet = read_cues(path, Clock(), presets=["step"], options=ReadOptions(partial=True))
    assert {cue.id.split(".")[0] for cue in sheet.cues} == {"V"}
    assert [problem.line for problem in sheet.problems] == [
        f"{path}, row 2, column 'surface': no preset 'no' in the bank"
    ]


def test_a_column_kind_of_an_earlier_version_is_kept(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,start,stem,preset,kind\na,1.0,FEET,step,clip\nb,2.0,FEET,step,\n")
    first, second = read_cues(path, Clock()).cues
    assert (first.extra, second.extra, first.becomes) == ({"clip kind": "clip"}, {}, None)


def test_a_walk_row_beside_a_clip_of_a_session_becomes_steps(tmp_path):
    from render.cues.timeline_to_cues import timeline_to_sheet
    from render.cues.walks.expand import expand_rows
    from tests.render.cues.timelines import clip, timeline

    row = {"id": "W", "stem": "FEET", "preset": "p", "kind": "walk", "cadence": "120"}
    item = clip("W", "FEET", 480, 96_000, row=1, extra={f"pisada.{name}": cell for name, cell in row.items()})
    sheet = expand_rows(timeline_to_sheet(timeline(item), Path("x.rpp")), FILM, ReadOptions())
    assert sheet.cues[0].start_samples == 480 and len(sheet.cues) == pytest.approx(4, abs=1)


def test_kept_walks_are_written_and_read_back(read, tmp_path):
    """A walk that is not expanded goes through every format and becomes the same steps."""
    rows = [
        walk(cadence="105.375", surface="step-gravel@0, step-wood@6.2s", preset="", slope="-0.25", velocity="1"),
        walk(id="V", start="01:00:30:00", gait="run", start_steps="0", end_pan="0", pan="-1", effort="0.5"),
        walk(id="U", stem="TYPE", gait="typing", cadence="from:FEET", duration="30.0"),
        cloth(every="3"),
    ]
    whole, kept = read(*rows), read(*rows, keep_walks=True)
    assert [cue.becomes is not None for cue in kept.cues] == [True] * 4
    for suffix in (".csv", ".xlsx", ".otio", ".rpp", ".aaf"):
        write_cues(kept, tmp_path / f"out{suffix}", FILM)
        assert content(read_cues(tmp_path / f"out{suffix}", FILM)) == content(whole), suffix
