"""Handles around the programme and the pops in them, to the sample."""

from fractions import Fraction

import numpy as np
import pytest
from wavinfo import WavInfoReader

from plugin_backend.errors import ProjectError
from render.plan.handles import handles_of
from render.project.project import Stem
from render.project.timecode import Clock, FrameRate, frames_of

HOUR = "01:00:00:00"


def clock(fps: str | None, start: str | None = HOUR) -> Clock:
    rate = FrameRate.parse(fps) if fps else None
    return Clock(48_000, rate, frames_of(start, rate) if rate else 0)


def nearest(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


@pytest.mark.parametrize(
    ("handle", "samples"),
    [("2", 96_000), (2, 96_000), ("1.5s", 72_000), ("0.1", 4_800), ("48f", 96_096), ("1f", 2_002), ("7smp", 7), (0, 0)],
)
def test_a_handle_is_exact(handle, samples):
    found = handles_of(handle, handle, False, clock("23.976"), 48_048 * 10)
    assert (found.head, found.tail, found.pops, found.remarks) == (samples, samples, (), ())


@pytest.mark.parametrize("fps", ["23.976", "29.97ndf", "30", "59.94ndf", "47.952"])
def test_a_handle_of_frames_begins_on_a_frame(fps):
    """At 29.97 a frame is 1601.6 samples, so the number of samples depends on the position."""
    rate, first = FrameRate.parse(fps), frames_of(HOUR, FrameRate.parse(fps))
    for frames in range(1, 12):
        found = handles_of(f"{frames}f", 0, False, clock(fps), 480_000)
        begins = nearest((first - frames) / rate.exact * 48_000)
        assert clock(fps).start_samples - found.head == begins


@pytest.mark.parametrize(
    ("head", "fps", "start", "message"),
    [
        ("-1", "24", HOUR, "write seconds"),
        ("1:00", "24", HOUR, "write seconds"),
        ("1e9", "24", HOUR, "write seconds"),
        ("nan", "24", HOUR, "write seconds"),
        ("1.5f", "24", HOUR, "frames and samples are whole"),
        ("601", "24", HOUR, "at most 600 s"),
        ("9" * 9 + "f", "24", HOUR, "at most 600 s"),
        ("8f", None, None, "frames need a frame rate"),
        ("2", "24", "00:00:01:00", "begins before 00:00:00:00"),
    ],
)
def test_an_impossible_handle_is_refused(head, fps, start, message):
    with pytest.raises(ProjectError, match=message):
        handles_of(head, 0, False, clock(fps, start), 48_000)


CUES = [
    {"id": "a", "start": "01:00:00:00", "stem": "A", "preset": "click"},
    {"id": "b", "start": "01:00:01:00", "stem": "B", "preset": "tone"},
]
REEL = {"fps": "23.976", "start": HOUR, "end": "01:00:04:00"}


def test_every_stem_starts_earlier_and_ends_later(tmp_path, write_sheet, render_sheet):
    plain, before = render_sheet(write_sheet(CUES), **REEL, out="plain")
    stems, report = render_sheet(write_sheet(CUES), **REEL, head_handle="24f", tail_handle="1.5")
    length = 4 * 24 * 2002
    assert {len(audio) for audio in stems.values()} == {24 * 2002 + length + 72_000}
    for stem in report["stems"].values():
        info = WavInfoReader(str(tmp_path / "out" / stem["file"]))
        assert info.bext.time_reference == 172_972_800 - 24 * 2002
    head = 24 * 2002
    for name, audio in plain.items():
        assert not stems[name][:head].any()
        assert np.array_equal(stems[name][head : head + length - 240], audio[: length - 240]), name
    assert np.flatnonzero(stems["B"][:, 0])[-1] > head + length  # rings on into the handle
    assert any("programme's end" in remark for remark in before["remarks"])
    assert report["remarks"] == []
    for field in ("start_samples", "length_samples", "start"):
        assert report[field] == before[field]
    assert (report["file_start_samples"], report["file_length_samples"]) == (172_972_800 - head, len(stems["A"]))
    for cue, same in zip(report["cues"], before["cues"], strict=True):
        keys = ("timecode", "absolute_sample", "start_samples")
        assert [cue[key] for key in keys] == [same[key] for key in keys]


# fps, start → first sample and length of the 2-pop and the tail pop (programme of 4 s of timecode)
POPS = {
    ("23.976", "01:00:00:00"): [(86_400 - 48, 1), (86_400 + 96 + 48, 1)],
    ("25", "10:00:00:00"): [(900_000 - 50, 1), (900_000 + 100 + 50, 1)],
    ("29.97df", "01:00:00;00"): [(107_892 - 60, 1), (107_892 + 120 + 60, 1)],
}


@pytest.mark.parametrize(("fps", "start"), POPS)
@pytest.mark.parametrize("bits", [16, 24, 32])
def test_the_pops_are_one_frame_of_1_khz_two_seconds_away(fps, start, bits, write_sheet, render_sheet):
    mark = ";" if fps.endswith("df") and "ndf" not in fps else ":"
    rows = [{"id": s, "start": start, "stem": s, "preset": "click"} for s in "AB"]
    stems, report = render_sheet(
        write_sheet(rows), fps=fps, start=start, end=start[:6] + f"04{mark}00", pops=True, bits=bits
    )
    rate = FrameRate.parse(fps).exact
    first = report["file_start_samples"]
    output = np.zeros(len(stems["A"]), bool)
    for (frame, _), pop in zip(POPS[fps, start], report["pops"], strict=True):
        begins, ends = (nearest(f / rate * 48_000) - first for f in (frame, frame + 1))
        assert (pop["start_samples"] + report["start_samples"] - first, pop["length_samples"]) == (
            begins,
            ends - begins,
        )
        sine = 0.1 * np.sin(2 * np.pi * np.arange(ends - begins) / 48)
        for name, audio in stems.items():
            np.testing.assert_allclose(audio[begins:ends], np.stack([sine, sine], axis=1), atol=2.0**-15, err_msg=name)
        output[begins:ends] = True
    output[report["start_samples"] - first] = True  # the clicks
    for audio in stems.values():
        assert not audio[~output].any()
    assert output[0]  # the file begins with its 2-pop
    assert report["sum_check"]["samples"] == len(output) - sum(pop["length_samples"] for pop in report["pops"])
    assert [remark for remark in report["remarks"] if "the pop needs them" in remark] == report["remarks"][:2]


def test_longer_handles_stay_and_lfe_gets_no_pop(write_sheet, render_sheet):
    stems, report = render_sheet(
        write_sheet(CUES),
        **REEL,
        head_handle="5",
        tail_handle="3",
        pops=True,
        stems=[Stem(name="A", layout="5.1"), Stem(name="B", layout="mono")],
    )
    pop = slice(5 * 48_000 - 48 * 2002, 5 * 48_000 - 47 * 2002)
    peaks = np.abs(stems["A"][pop]).max(axis=0)
    assert np.round(peaks, 3).tolist() == [0.1, 0.1, 0.1, 0, 0.1, 0.1]
    assert np.abs(stems["B"][pop]).max() == pytest.approx(0.1, abs=1e-3)
    assert np.abs(stems["FOLEY"][pop]).max() == pytest.approx(0.1, abs=1e-3)
    assert report["remarks"] == []


def test_neither_handles_nor_pops_change_a_level(write_sheet, render_sheet):
    keys = ("integrated_lufs", "range_lu", "true_peak_dbtp", "max_momentary_lufs", "max_short_term_lufs", "peak_dbfs")
    rows = [*CUES, {"id": "c", "start": "01:00:00:12", "stem": "A", "preset": "burst"}]
    _, plain = render_sheet(write_sheet(rows), fps="24", start=HOUR, out="plain")
    _, popped = render_sheet(write_sheet(rows), fps="24", start=HOUR, pops=True, head_handle="4.2")
    for name, stem in plain["stems"].items():
        assert [popped["stems"][name][key] for key in keys] == [stem[key] for key in keys]
    assert plain["stems"]["B"]["integrated_lufs"] is not None


def test_pops_without_a_frame_rate_are_refused(write_sheet, render_sheet):
    rows = [{"id": "a", "start": "0.0", "stem": "A", "preset": "click"}]
    with pytest.raises(ProjectError, match="needs a frame rate"):
        render_sheet(write_sheet(rows), pops=True)
