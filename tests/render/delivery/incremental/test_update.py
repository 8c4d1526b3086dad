"""A version made from the version before has the samples, chunks and measurements of a complete render."""

import json
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from plugin_backend.codecs.pcm import PcmCodec
from presets.capture import encode_pieces
from presets.store import save_preset
from render.delivery.deliver import Delivery, deliver
from render.engine.cue_cache import CueCache
from render.engine.make_plan import make_plan
from render.plan.resolve import read_sheet
from render.project.effect_schema import Convolution, Eq, Gain, Reverb
from render.project.project import Project, Stem

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_renders")]

ROWS = [
    {"id": "a1", "start": "0.5", "stem": "A", "preset": "burst", "gain_db": 6},
    {"id": "a2", "start": "9.25", "stem": "A", "preset": "tone", "pan": -0.5, "duration": "1.0"},
    {"id": "a3", "start": "9.75", "stem": "A", "preset": "burst", "pitch_semitones": 3},
    {"id": "a4", "start": "24.0", "stem": "A", "preset": "click"},
    {"id": "b1", "start": "2.0", "stem": "B", "preset": "hum", "duration": "20.0", "gain_db": -20},
    {"id": "b2", "start": "12.0", "stem": "B", "preset": "burst"},
    {"id": "c1", "start": "4.0", "stem": "C", "preset": "burst"},
]
WITH_REVERB = {"stems": [Stem(name="A"), Stem(name="B", gain_db=-3.0), Stem(name="C", effects=[Reverb()])]}


def changed(cue: str, **cells) -> list[dict]:
    return [{**row, **cells} if row["id"] == cue else row for row in ROWS]


@pytest.fixture(scope="module")
def begun() -> dict[str, tuple[Path, Delivery]]:
    """Return a cache of renders into empty folders, because many tests begin with the same render."""
    return {}


@pytest.fixture
def render(tmp_path, impulse_bank, write_sheet, begun, tmp_path_factory):
    """Return a function that renders rows into a folder, with or without the cache, and returns delivery and report."""

    def made(rows, out: Path, cached: bool, bank: Path, clips: bool, fields: dict) -> Delivery:
        project = msgspec.structs.replace(Project(show="T", bank=str(bank), model="pcm", tail_s=1.0), **fields)
        plan = make_plan(project, read_sheet(write_sheet(rows), project))
        cache = CueCache(out.parent / "cache") if cached else None
        return deliver(plan, project, out, cache=cache, clips=clips)

    def render(rows, out: str, cached: bool = True, bank: Path = impulse_bank, clips: bool = False, **fields):
        there = [tmp_path / out, *([tmp_path / "cache"] if cached else [])]
        if clips or bank != impulse_bank or any(path.exists() for path in there):
            delivery = made(rows, tmp_path / out, cached, bank, clips, fields)
        else:
            asked = repr((rows, out, cached, fields))
            if asked not in begun:
                folder = tmp_path_factory.mktemp("begun")
                begun[asked] = folder, made(rows, folder / out, cached, bank, False, fields)
            folder, first = begun[asked]
            shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
            here = {name: tmp_path / out / path.name for name, path in first.stems.items()}
            own = {name: tmp_path / out / getattr(first, name).name for name in ("report", "plot")}
            delivery = replace(first, stems=here, **own)
        return delivery, json.loads(delivery.report.read_text())

    return render


def chunks(path: Path) -> dict[bytes, bytes]:
    """Return the body of every chunk, with the date in bext blanked."""
    data, at, found = path.read_bytes(), 12, {}
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    found[b"bext"] = found[b"bext"][:320] + found[b"bext"][338:]
    return found


LEVELS = ["peak_dbfs", "integrated_lufs", "range_lu", "true_peak_dbtp", "max_momentary_lufs", "max_short_term_lufs"]
MEASURED = [*LEVELS, "clipped_samples", "checks", "cues", "layout", "effects_latency_samples"]


def assert_same(revised, whole) -> None:
    (one, message), (other, expected) = revised, whole
    assert list(one.stems) == list(other.stems)
    for name in one.stems:
        assert chunks(one.stems[name]) == chunks(other.stems[name]), name
        assert {key: message["stems"][name][key] for key in MEASURED} == {
            key: expected["stems"][name][key] for key in MEASURED
        }
    assert message["cues"] == expected["cues"]
    assert one.plot.read_bytes() == other.plot.read_bytes()


EDITS = {
    "a gain": changed("a1", gain_db=-3),
    "a place": changed("a4", start="24.9"),
    "a pan in an overlap": changed("a2", pan=1),
    "a preset": changed("b2", preset="click"),
    "a pitch and so a length": changed("a3", pitch_semitones=-2),
    "a cue gone": [row for row in ROWS if row["id"] != "a3"],
    "a cue more": [*ROWS, {"id": "new", "start": "11.111", "stem": "B", "preset": "tone", "gain_db": -6}],
    "a cue in another stem": changed("b2", stem="A"),
    "an id": [{**row, "id": "other"} if row["id"] == "a1" else row for row in ROWS],
    "a cue under a reverb": changed("c1", gain_db=-6),
    "nothing": ROWS,
}


@pytest.mark.parametrize(
    "edit, bits", [*((edit, 24) for edit in EDITS), ("a cue in another stem", 16), ("a cue in another stem", 32)]
)
def test_a_revision_equals_a_whole_render(render, edit, bits):
    render(ROWS, "out", bits=bits, **WITH_REVERB)
    revised = render(EDITS[edit], "out", bits=bits, **WITH_REVERB)
    assert revised[0].report.name.startswith("T_R1_FOLEY_v002")
    assert revised[0].changes.patching
    assert_same(revised, render(EDITS[edit], "whole", cached=False, bits=bits, **WITH_REVERB))


@pytest.mark.parametrize("fields", [
    {"fps": "24", "start": "01:00:00:00", "head_handle": "3s", "tail_handle": "3s", "pops": True},
    {"layout": "5.1"},
    {"layout": "mono"},
])  # fmt: skip
def test_a_revision_equals_a_whole_render_with_pops_and_in_other_layouts(render, fields):
    edit = EDITS["a gain"]
    if "start" in fields:
        rows, edit = ([{**row, "start": f"{float(row['start']):.3f}"} for row in rows] for rows in (ROWS, edit))
    else:
        rows = ROWS
    render(rows, "out", **fields)
    revised = render(edit, "out", **fields)
    assert revised[0].changes.stems["A"].mode == "patch"
    assert_same(revised, render(edit, "whole", cached=False, **fields))


def test_only_what_changed_is_decoded_and_written(render):
    render(ROWS, "out")
    delivery, report = render(changed("a3", pitch_semitones=5), "out")
    changes = delivery.changes
    assert {name: change.mode for name, change in changes.stems.items()} == {"A": "patch", "B": "keep", "C": "keep"}
    assert {cue.id: (cue.action, cue.reason) for cue in changes.cues if cue.action != "untouched"} == {
        "a2": ("mixed from the cache", "it overlaps a change"),
        "a3": ("decoded", "changed: pitch_semitones, length_samples"),
    }
    span = changes.stems["A"].spans[0]
    assert (span.start, span.stop) == (468_000 // 512 * 512, 508_416)  # to the end of the longer one
    assert (report["decoded_cues"], report["cached_cues"]) == (1, 1)


def test_a_level_is_changed_without_decoding(render):
    render(ROWS, "out")
    delivery, report = render(changed("a1", gain_db=0), "out")
    assert [cue.reason for cue in delivery.changes.cues if cue.id == "a1"] == ["changed: gain"]
    assert (report["decoded_cues"], report["cached_cues"]) == (0, 1)


def test_the_true_peak_is_found_again_when_the_loudest_cue_goes(render):
    render(changed("a1", gain_db=12), "out")
    rows = [row for row in ROWS if row["id"] != "a1"]
    assert_same(render(rows, "out"), render(rows, "whole", cached=False))


def test_an_effect_or_a_file_of_it_that_changed_renders_that_stem_and_leaves_the_others(render, tmp_path):
    ir, tail = tmp_path / "ir.wav", np.zeros(2_000)
    tail[[0, 1_500]] = 0.5, 0.25
    rows = [{"id": name, "start": "0.1", "stem": name, "preset": "burst"} for name in "ABC"]

    def rendered(out: str, response, peak_db: float, cached: bool = True):
        soundfile.write(ir, response, 48_000, "PCM_24")
        chains = {"A": [Convolution(ir=str(ir), mix=1)], "B": [Eq(peak1_db=peak_db)], "C": [Gain(gain_db=-3)]}
        stems = [Stem(name=name, effects=effects) for name, effects in chains.items()]
        return render(rows, out, cached=cached, stems=stems, tail_s=0.1)

    before = rendered("out", tail, 3)[0].stems
    for response, peak_db, changed_stem in ((tail / 2, 3, "A"), (tail / 2, 4, "B")):
        revised = rendered("out", response, peak_db)
        modes = {name: (change.mode, change.reason) for name, change in revised[0].changes.stems.items()}
        anew = ("render", "its effects, gain or layout changed")
        assert modes == dict.fromkeys("ABC", ("keep", "nothing in it changed")) | {changed_stem: anew}
        assert (revised[1]["decoded_cues"], len(revised[0].stems)) == (0, 4)
        for name in "ABC":
            same = chunks(revised[0].stems[name])[b"data"] == chunks(before[name])[b"data"]
            assert same == (name != changed_stem), name
        assert_same(revised, rendered(f"whole {changed_stem}", response, peak_db, cached=False))
        before = revised[0].stems


def test_a_preset_that_sounds_different_is_decoded_again(render, tmp_path, impulse_bank):
    bank = tmp_path / "bank"
    bank.mkdir()
    for path in impulse_bank.iterdir():
        (bank / path.name).write_bytes(path.read_bytes())
    render(ROWS, "out", bank=bank)
    click = np.zeros(2048, np.float32)
    click[7] = 0.25
    save_preset(encode_pieces(PcmCodec(), "click", [click], "hit", program=None, variation=0.0), bank)
    revised = render(ROWS, "out", bank=bank)
    assert [(cue.id, cue.reason) for cue in revised[0].changes.cues if cue.action == "decoded"] == [
        ("a4", "changed: preset, fade_in_samples, fade_out_samples")
    ]
    assert_same(revised, render(ROWS, "whole", cached=False, bank=bank))


def _touch(delivery) -> None:
    delivery.stems["A"].write_bytes(delivery.stems["A"].read_bytes())


def _spoil_report(delivery) -> None:
    delivery.report.write_text("{")


def _point_outside(delivery) -> None:
    report = json.loads(delivery.report.read_text())
    report["stems"]["A"]["file"] = "../" + report["stems"]["A"]["file"]
    delivery.report.write_text(json.dumps(report))


def _damage_statistics(delivery) -> None:
    for path in (delivery.report.parents[1] / "cache" / "trails").iterdir():
        path.write_bytes(b"PK")


@pytest.mark.parametrize("harm, reason", [
    (_touch, "T_R1_FOLEY-A_v001_48k_24b.wav was changed since it was rendered"),
    (lambda delivery: delivery.stems["B"].unlink(), "T_R1_FOLEY-B_v001_48k_24b.wav is gone"),
    (_spoil_report, "T_R1_FOLEY_v001_report.json was written by an older version of Pisada, or cannot be read"),
    (_point_outside, "T_R1_FOLEY_v001_report.json was written by an older version of Pisada, or cannot be read"),
    (_damage_statistics, "the statistics of the version before are not in the cache"),
])  # fmt: skip
def test_an_unusable_version_before_is_not_used(render, harm, reason):
    first, _ = render(ROWS, "out")
    harm(first)
    revised = render(ROWS, "out")
    assert {change.mode for change in revised[0].changes.stems.values()} == {"render"}
    assert {change.reason for change in revised[0].changes.stems.values()} == {reason}
    assert revised[1]["decoded_cues"] == 0
    assert_same(revised, render(ROWS, "whole", cached=False))


@pytest.mark.parametrize("fields, reason", [
    ({"bits": 16}, "length, handles, pops, start or bits differ from T_R1_FOLEY_v001_report.json"),
    ({"tail_s": 9.0}, "length, handles, pops, start or bits differ from T_R1_FOLEY_v001_report.json"),
    ({"layout": "mono"}, "its effects, gain or layout changed"),
])  # fmt: skip
def test_another_frame_or_chain_renders_all_of_it(render, fields, reason):
    render(ROWS, "out")
    revised = render(ROWS, "out", **fields)
    assert {change.reason for change in revised[0].changes.stems.values()} == {reason}
    assert_same(revised, render(ROWS, "whole", cached=False, **fields))


def test_a_removed_stem_is_removed_from_the_sum(render):
    render(ROWS, "out")
    rows = [row for row in ROWS if row["stem"] != "C"]
    revised = render(rows, "out", tail_s=1.0)
    assert {name: change.mode for name, change in revised[0].changes.stems.items()} == {"A": "keep", "B": "keep"}
    assert_same(revised, render(rows, "whole", cached=False))


def _misplace(delivery) -> None:
    report = json.loads(delivery.report.read_text())
    for cue, start in zip(report["cues"], (-(10**9), 10**15, -5, 7, 9, 11, 13), strict=True):
        cue["mix"]["start_samples"] = start
    delivery.report.write_text(json.dumps(report))


NESTED = '{"frame": {"x": ' + "[" * 100_000 + "]" * 100_000 + "}}"


@pytest.mark.parametrize("harm", [_misplace, lambda delivery: delivery.report.write_text(NESTED)])
def test_a_damaged_report_does_no_harm(render, harm):
    first, _ = render(ROWS, "out")
    harm(first)
    assert_same(render(ROWS, "out"), render(ROWS, "whole", cached=False))


def test_clips_are_written_in_a_revision_too(render):
    render(ROWS, "out")
    revised = render(changed("a1", gain_db=0), "out", clips=True)
    assert {change.reason for change in revised[0].changes.stems.values()} == {"every cue is played for its clip"}
    assert set((clips := revised[0].clips)["a1"].parent.iterdir()) == set(clips.values())
    assert revised[1]["decoded_cues"] == 0


def test_a_cache_that_cannot_be_written_is_reported_and_does_no_harm(render, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    delivery, report = render(ROWS, "out")
    assert "the cue cache could not be written: the next render decodes every cue again" in report["remarks"]
    assert_same((delivery, report), render(ROWS, "whole", cached=False))
