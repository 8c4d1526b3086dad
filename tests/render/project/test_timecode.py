"""Timecode against an oracle that counts labels one by one, and exact sample positions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend.errors import ProjectError, TimecodeError
from render.project.timecode import RATES, Clock, FrameRate, frames_of, label_of, round_half_up, samples_at

# name → (frames a second, labels a second, labels skipped at the head of a minute), by SMPTE ST 12-1
SMPTE = {
    "23.976": (Fraction(24000, 1001), 24, 0),
    "24": (Fraction(24), 24, 0),
    "25": (Fraction(25), 25, 0),
    "29.97df": (Fraction(30000, 1001), 30, 2),
    "29.97ndf": (Fraction(30000, 1001), 30, 0),
    "30": (Fraction(30), 30, 0),
    "47.952": (Fraction(48000, 1001), 48, 0),
    "48": (Fraction(48), 48, 0),
    "50": (Fraction(50), 50, 0),
    "59.94df": (Fraction(60000, 1001), 60, 4),
    "59.94ndf": (Fraction(60000, 1001), 60, 0),
    "60": (Fraction(60), 60, 0),
}


def counted_labels(name: str):
    """(count, label) through a day, second by second as a generator's counter steps: each second's first
    label, its last, and one between."""
    _, nominal, skipped = SMPTE[name]
    mark, count = ";" if skipped else ":", 0
    for hour in range(24):
        for minute in range(60):
            for second in range(60):
                head = skipped if second == 0 and minute not in (0, 10, 20, 30, 40, 50) else 0
                for frame in (head, head + (7 * minute + second) % (nominal - head), nominal - 1):
                    yield count + frame - head, f"{hour:02d}:{minute:02d}:{second:02d}{mark}{frame:02d}"
                count += nominal - head


@pytest.mark.parametrize("name", SMPTE)
def test_the_table_of_rates(name):
    rate = FrameRate.parse(name.upper())
    assert (rate.name, rate.exact, rate.nominal, rate.drop) == (name, *SMPTE[name][:2], SMPTE[name][2] > 0)
    assert list(RATES) == list(SMPTE)


@pytest.mark.parametrize("name", SMPTE)
def test_a_day_counted_second_by_second(name):
    rate, day = RATES[name], list(counted_labels(name))
    chosen = [pair for pair in day if pair[1][6:8] in ("00", "59") or pair[0] % 13 == 0] + day[-6000:]
    assert [(count, label) for count, label in chosen if frames_of(label, rate) != count] == []
    assert [(count, label) for count, label in chosen if label_of(count, rate) != label] == []
    assert rate.frames_per_day == day[-1][0] + 1


@given(name=st.sampled_from(sorted(SMPTE)), share=st.fractions(0, 1))
def test_label_and_frames_round_trip(name, share):
    rate = RATES[name]
    frames = int(share * (rate.frames_per_day - 1))
    assert frames_of(label_of(frames, rate), rate) == frames


@pytest.mark.parametrize("name", SMPTE)
def test_labels_wrap_at_midnight(name):
    rate = RATES[name]
    mark = ";" if rate.drop else ":"
    assert label_of(rate.frames_per_day + 1, rate) == f"00:00:00{mark}01"
    assert label_of(-1, rate) == label_of(rate.frames_per_day - 1, rate)


@pytest.mark.parametrize(
    ("name", "label", "sample_rate", "samples"),
    [
        ("23.976", "01:00:00:00", 48_000, 172_972_800),
        ("23.976", "00:00:00:01", 48_000, 2002),
        ("24", "01:00:00:01", 48_000, 172_802_000),
        ("25", "10:00:00:01", 48_000, 1_728_001_920),
        ("29.97df", "01:00:00;00", 48_000, 172_799_827),  # 107892 × 1601.6 = 172799827.2
        ("29.97df", "00:01:00;02", 48_000, 2_882_880),
        ("29.97ndf", "00:00:00:01", 48_000, 1602),  # 1601.6
        ("29.97ndf", "00:00:00:02", 48_000, 3203),  # 3203.2
        ("30", "01:00:02:17", 48_000, 172_923_200),
        ("47.952", "00:00:00:01", 48_000, 1001),
        ("48", "00:00:00:47", 48_000, 47_000),
        ("50", "00:00:00:49", 48_000, 47_040),
        ("59.94df", "00:01:00;04", 48_000, 2_882_880),
        ("59.94ndf", "00:00:00:01", 48_000, 801),  # 800.8
        ("60", "00:00:00:59", 48_000, 47_200),
        ("24", "00:00:00:01", 44_100, 1838),  # 1837.5, half up
    ],
)
def test_exact_samples(name, label, sample_rate, samples):
    assert samples_at(frames_of(label, RATES[name]), RATES[name], sample_rate) == samples
    assert Clock(sample_rate, RATES[name]).timecode_samples(label) == samples


@given(name=st.sampled_from(sorted(SMPTE)), frames=st.integers(0, 5_000_000), rate_hz=st.sampled_from([44_100, 48_000]))
def test_samples_are_within_half_a_sample(name, frames, rate_hz):
    exact = frames / SMPTE[name][0] * rate_hz
    assert Fraction(-1, 2) < samples_at(frames, RATES[name], rate_hz) - exact <= Fraction(1, 2)


def test_halves_go_up():
    assert [round_half_up(Fraction(n, 2)) for n in (-3, -1, 1, 3, 4)] == [-1, 0, 1, 2, 2]


@pytest.mark.parametrize(
    ("name", "label", "fragments"),
    [
        ("24", "1:00:00:00", ["'1:00:00:00'", "24 fps", "write HH:MM:SS:FF"]),
        ("29.97df", "01:00:00", ["write HH:MM:SS;FF"]),
        ("25", "01:00:00.00", ["write HH:MM:SS:FF"]),
        ("25", "01:00:00:00\n", ["not a timecode"]),
        ("25", "٠١:00:00:00", ["not a timecode"]),
        ("25", "-1:00:00:00", ["not a timecode"]),
        ("25", "01:00:00:100", ["not a timecode"]),
        ("25", "", ["not a timecode"]),
        ("29.97df", "01:00:00:00", ["non-drop-frame", "29.97df", "write 01:00:00;00"]),
        ("29.97ndf", "01:00:00;00", ["drop-frame", "29.97ndf", "write 01:00:00:00"]),
        ("24", "01:00:00;00", ["24 fps", "write 01:00:00:00"]),
        ("24", "01:00:00:27", ["frame 27 does not exist at 24 fps", "wrong rate?"]),
        ("23.976", "01:00:00:24", ["frame 24 does not exist", "00 to 23"]),
        ("30", "24:00:00:00", ["hour 24 does not exist", "00 to 23"]),
        ("30", "00:60:00:00", ["minute 60 does not exist"]),
        ("30", "00:00:60:00", ["second 60 does not exist"]),
        ("29.97df", "00:01:00;00", ["does not exist", "next label is 00:01:00;02"]),
        ("29.97df", "23:59:00;01", ["next label is 23:59:00;02"]),
        ("59.94df", "00:09:00;03", ["next label is 00:09:00;04"]),
    ],
)
def test_labels_that_are_refused(name, label, fragments):
    with pytest.raises(TimecodeError) as caught:
        frames_of(label, RATES[name])
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []


def test_a_label_without_a_rate_asks_for_one():
    with pytest.raises(TimecodeError, match="'01:00:00:00' needs a frame rate: give --fps"):
        Clock().timecode_samples("01:00:00:00")


def test_the_drop_frame_labels_beside_the_gap_are_legal():
    assert [frames_of(label, RATES["29.97df"]) for label in ("00:00:59;29", "00:01:00;02")] == [1799, 1800]
    assert frames_of("00:10:00;00", RATES["29.97df"]) == 17982


@pytest.mark.parametrize("text", ["29.97", "59.94"])
def test_a_rate_that_leaves_drop_frame_open_is_refused(text):
    with pytest.raises(ProjectError, match=f"write {text}df .*or {text}ndf"):
        FrameRate.parse(text)


@pytest.mark.parametrize("text", ["", "23", "119.88", "30df", "24 fps", "1e3", "nan"])
def test_an_unknown_rate_lists_the_known(text):
    with pytest.raises(ProjectError) as caught:
        FrameRate.parse(text)
    assert [name for name in SMPTE if name not in str(caught.value)] == []


@pytest.mark.parametrize(("text", "name"), [("23.98", "23.976"), (" 24.0 ", "24"), ("47.95", "47.952")])
def test_other_spellings_of_a_rate(text, name):
    assert FrameRate.parse(text).name == name


def test_the_clock_counts_from_the_programmes_start():
    clock = Clock(48_000, RATES["23.976"], 86_400)
    assert clock.start_samples == 172_972_800
    assert clock.timecode_samples("01:00:00:01") == 2002
    assert clock.timecode_samples("00:59:59:23") == -2002
    assert (Clock().start_samples, Clock().label_at(5)) == (0, None)


@given(name=st.sampled_from(sorted(SMPTE)), start=st.integers(0, 2_000_000), frames=st.integers(0, 50_000))
def test_a_frame_holds_its_samples_and_no_others(name, start, frames):
    rate = RATES[name]
    clock = Clock(48_000, rate, start)
    first = samples_at(start + frames, rate, 48_000) - clock.start_samples
    last = samples_at(start + frames + 1, rate, 48_000) - clock.start_samples - 1
    label = label_of(start + frames, rate)
    assert (clock.label_at(first), clock.label_at(last)) == (label, label)
    assert clock.label_at(last + 1) == label_of(start + frames + 1, rate)
