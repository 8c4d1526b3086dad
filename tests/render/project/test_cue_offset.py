"""Sync offsets: their text, their samples from any position at any rate, and back."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from render.project.cue_offset import FARTHEST_S, check_offset, offset_samples, offset_written
from render.project.timecode import RATES, Clock, frames_of

ORIGIN = {"23.976": 172_972_800, "29.97df": 172_799_827, "29.97ndf": 172_972_800, "25": 172_800_000}  # of hour 1


def nearest(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


@pytest.mark.parametrize("fps", ORIGIN)
@pytest.mark.parametrize("frames", [-3, -1, 1, 2, 1001])
def test_frames_are_frames_of_the_rate(fps, frames):
    """An offset leads to a frame's first sample. Both ends are rounded from exact times, not their difference."""
    rate = RATES[fps]
    first = frames_of("01:00:00;00" if fps == "29.97df" else "01:00:00:00", rate)
    clock = Clock(48_000, rate, first)
    assert nearest(first / rate.exact * 48_000) == ORIGIN[fps]
    for place in (0, 1, 7, 100, 12_345):
        start = nearest((first + place) / rate.exact * 48_000) - ORIGIN[fps]
        wanted = nearest((first + place + frames) / rate.exact * 48_000) - ORIGIN[fps]
        assert start + offset_samples(str(frames), start, clock) == wanted
        assert offset_written(wanted - start, start, clock) == f"{frames}f"


FILM = Clock(48_000, RATES["24"], 86_400)


@pytest.mark.parametrize(
    ("cell", "samples"),
    [
        ("0", 0), ("-2", -4_000), ("+2", 4_000), ("2f", 4_000), ("-2 frames", -4_000), ("1 fr", 2_000),
        ("-0.08", -3_840), ("0.5s", 24_000), (".25", 12_000), ("-1s", -48_000), ("+0.0000104166", 0),
        ("0.00001041667", 1), ("-480smp", -480), ("480 smp", 480), (-2, -4_000), (0.5, 24_000), (-1e-5, 0),
        (1.0, 48_000), ("600.0", 28_800_000),
    ],
)  # fmt: skip
def test_text_that_is_an_offset(cell, samples):
    check_offset(cell)
    assert offset_samples(cell, 10_000, FILM) == samples


@pytest.mark.parametrize("cell", ["", "early", "1:2", "--2", "1e3", "-", "2 beats", "0x10", "٣", "1.5f", "12345678"])
def test_text_that_is_not_an_offset(cell):
    with pytest.raises(ValueError, match="an offset is frames"):
        check_offset(cell)
    with pytest.raises(CueSheetError, match=r"column 'offset': .*an offset is frames \(-2 or -2f\), seconds"):
        offset_samples(cell, 0, FILM)


def test_frames_need_a_rate_and_ten_minutes_are_enough():
    with pytest.raises(CueSheetError, match="'-2' is in frames and needs a frame rate: give --fps"):
        offset_samples("-2", 0, Clock())
    with pytest.raises(CueSheetError, match="'600.1' is over 10 minutes"):
        offset_samples("600.1", 0, FILM)


@given(
    offset=st.integers(-FARTHEST_S * 48_000, FARTHEST_S * 48_000),
    start=st.integers(0, 10**9),
    fps=st.sampled_from([None, *ORIGIN]),
)
def test_an_offset_in_samples_is_written_so_that_it_reads_back(offset, start, fps):
    clock = Clock() if fps is None else Clock(48_000, RATES[fps], 86_314)
    assert offset_samples(offset_written(offset, start, clock), start, clock) == offset
