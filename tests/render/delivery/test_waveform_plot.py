"""The plot of a delivery: round ticks, one scale in dB, density for many cues, names if there is room."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presets.bank import FACTORY_BANK
from render.delivery.plot_ticks import MOST, ticks_of
from render.delivery.waveform_plot import (
    BIN_COLUMNS,
    COLUMNS,
    FLOOR_DB,
    density,
    draw_waveforms,
    names_with_room,
    outline_db,
)
from render.plan.plan import Event, Plan
from render.project.project import Project, Stem
from render.project.timecode import RATES, Clock, frames_of
from render.wav.r128_gating import LoudnessSteps
from render.wav.stem_statistics import BLOCK_SAMPLES, StemStatistics

RATE = 48_000


def clock(fps: str, label: str) -> Clock:
    return Clock(RATE, RATES[fps], frames_of(label, RATES[fps]))


def event(start: int, preset: str = "step-gravel", stem: str = "FEET", length: int = 10_000) -> Event:
    return Event(f"{stem}{start}", stem, start, length, preset, None, "foley", 0)


def test_ticks_of_76_minutes_are_whole_tens_of_minutes():
    ticks = ticks_of(clock("25", "10:00:00:00"), 0, 76 * 60 * RATE)
    assert [tick.label for tick in ticks] == [f"1{n // 6}:{n % 6}0:00:00" for n in range(8)]
    assert [tick.sample for tick in ticks] == [n * 600 * RATE for n in range(8)]


@pytest.mark.parametrize(
    ("fps", "start", "seconds", "labels"),
    [
        ("24", "01:00:00:00", 1.5, ["01:00:00:00", "01:00:00:04", "01:00:00:08", "01:00:00:12", "01:00:00:16"]),
        ("25", "00:59:58:10", 12, ["01:00:00:00", "01:00:02:00", "01:00:04:00", "01:00:06:00", "01:00:08:00"]),
        ("29.97df", "01:00:00;00", 120, ["01:00:00;00", "01:00:15;00", "01:00:30;00", "01:00:45;00", "01:01:00;02"]),
        ("59.94df", "01:08:30;00", 120, ["01:08:30;00", "01:08:45;00", "01:09:00;04", "01:09:15;00", "01:09:30;00"]),
        ("23.976", "23:59:00:00", 100, ["23:59:00:00", "23:59:10:00", "23:59:20:00", "23:59:30:00", "23:59:40:00"]),
    ],
)
def test_ticks_are_round_labels_of_the_rate(fps, start, seconds, labels):
    found = ticks_of(clock(fps, start), 0, round(seconds * RATE))
    assert [tick.label for tick in found][:5] == labels


def test_without_a_rate_ticks_are_round_seconds_of_the_programme():
    ticks = ticks_of(Clock(RATE), 2 * RATE, 47 * RATE)
    assert [tick.label for tick in ticks] == [f"0:{second:02d}" for second in range(0, 46, 5)]
    assert ticks[1].sample == 7 * RATE
    assert [tick.label for tick in ticks_of(Clock(RATE), 0, RATE // 2)][:3] == ["0 s", "0.05 s", "0.1 s"]
    assert ticks_of(Clock(RATE), 0, 5_000 * RATE)[-1].label == "1:20:00"


@settings(deadline=None)
@given(
    st.sampled_from(sorted(RATES)), st.integers(0, 86_399), st.integers(0, 600 * RATE), st.integers(1, 12 * 3600 * RATE)
)
def test_every_tick_is_its_labels_first_sample(fps, second, head, length):
    rate = RATES[fps]
    label = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}{';' if rate.drop else ':'}10"
    own = clock(fps, label)
    ticks = ticks_of(own, head, length)
    assert len(ticks) <= MOST + 1
    assert [tick.sample for tick in ticks] == sorted({tick.sample for tick in ticks})
    for tick in ticks:
        assert 0 <= tick.sample <= length
        assert own.label_at(tick.sample - head) == tick.label


def test_names_do_not_overlap_and_a_repeated_preset_is_named_once():
    presets = ["a-step"] * 3 + ["b-step"] * 2 + ["a-step"]
    events = [event(at, name) for at, name in zip((0, 10, 20, 30, 200, 400), presets, strict=True)]
    named = names_with_room(events, 1.0, 5.0)
    assert [(one.start_samples, one.preset) for one in named] == [(0, "a-step"), (200, "b-step"), (400, "a-step")]
    assert [one.start_samples for one in names_with_room(events, 10.0, 5.0)] == [0, 30, 400]
    ends = {429: [0, 200], 430: [0, 200, 400]}  # the last name, of six letters, begins at 400
    for length, starts in ends.items():
        assert [one.start_samples for one in names_with_room(events, 1.0, 5.0, length)] == starts


def test_density_counts_every_cue():
    counts = density([event(at) for at in range(0, 1_000, 2)], 1_600)
    assert (counts.sum(), counts.size) == (500, COLUMNS // BIN_COLUMNS)
    assert counts[:125].tolist() == [4] * 125


def test_levels_are_decibels_from_the_floor():
    peaks = np.zeros(2 * COLUMNS, np.float32)
    peaks[1], peaks[2] = 1.0, 10 ** (-30 / 20)
    assert outline_db(peaks)[:3].tolist() == pytest.approx([0, -30, FLOOR_DB], abs=1e-4)


COLOURED = {"A": (0x4C, 0xC9, 0xF0), "B": (0xF9, 0xC7, 0x4F)}
"""Rows of the first and of the second stem."""


def drawn_columns(path, stems: dict[str, tuple[int, float]], seconds: int) -> np.ndarray:
    """``[rows, columns, 3]``, 0 to 255, of a run whose stems have so many even cues, and a level throughout."""
    from matplotlib.image import imread

    length, trails, events = seconds * RATE, {}, []
    blocks, nothing = -(-length // BLOCK_SAMPLES), np.zeros(0)
    for name, (count, level) in stems.items():
        steps = LoudnessSteps(nothing, nothing, nothing, nothing, nothing, 0)
        trails[name] = StemStatistics(np.full(blocks, level, np.float32), np.zeros(blocks, np.int32), steps)
        events += [event(n * length // count, stem=name) for n in range(count)]
    events.sort(key=lambda one: one.start_samples)
    plan = Plan(RATE, 0, length, tuple(Stem(name=name) for name in stems), tuple(events), FACTORY_BANK)
    draw_waveforms(path, plan, Project(show="T", fps="25", start="10:00:00:00"), trails)
    return (imread(path)[..., :3] * 255).round().astype(int)


def test_all_stems_are_drawn_on_one_scale(tmp_path):
    drawn = drawn_columns(tmp_path / "two.png", {"A": (1, 1.0), "B": (1, 10 ** (-30 / 20))}, 60)
    columns = drawn[:, 700:1500]
    heights = [np.median((columns == colour).all(axis=2).sum(axis=0)) for colour in COLOURED.values()]
    assert heights[0] / heights[1] == pytest.approx(2, abs=0.1)


def test_two_thousand_cues_are_drawn_as_density(tmp_path):
    def white(count: int) -> int:
        return int((drawn_columns(tmp_path / f"{count}.png", {"A": (count, 0.1)}, 76 * 60).min(axis=2) > 150).sum())

    few = white(10)
    assert white(2_000) < few + 500  # each start was a line 20 pixels high
    assert white(300) > few + 2_000
