"""Every cue begins exactly at its sample: impulses through the whole chain, read back from the stems."""

from fractions import Fraction

import numpy as np
import pytest

from render.project.effect_schema import Plugin, Reverb
from render.project.project import Stem

# name, frames a second, label of the programme's start, cue labels, their frame counts from midnight
RATES = {
    "23.976": (Fraction(24000, 1001), "01:00:00:00", {"01:00:00:00": 86400, "01:00:03:23": 86495}),
    "24": (Fraction(24), "01:00:00:00", {"01:00:00:00": 86400, "01:00:03:23": 86495}),
    "25": (Fraction(25), "10:00:00:00", {"10:00:00:01": 900001, "10:00:03:24": 900099}),
    "29.97df": (Fraction(30000, 1001), "00:59:58;00", {"00:59:59;29": 107891, "01:00:00;00": 107892}),
    "29.97ndf": (Fraction(30000, 1001), "01:00:00:00", {"01:00:00:01": 108001, "01:00:03:29": 108119}),
    "30": (Fraction(30), "01:00:00:00", {"01:00:00:00": 108000, "01:00:02:17": 108077}),
}
STARTS = {"23.976": 86400, "24": 86400, "25": 900000, "29.97df": 107832, "29.97ndf": 108000, "30": 108000}


def nearest(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


@pytest.mark.parametrize("chunk_frames", [64, 4], ids=["offline", "stream"])
@pytest.mark.parametrize("fps", RATES)
def test_impulses_land_on_their_samples(fps, chunk_frames, write_sheet, render_sheet):
    rate, start, cues = RATES[fps]
    rows = [{"id": f"c{i}", "start": label, "stem": "A", "preset": "click"} for i, label in enumerate(cues)]
    stems, report = render_sheet(write_sheet(rows), fps=fps, start=start, chunk_frames=chunk_frames)
    first = nearest(STARTS[fps] / rate * 48_000)
    expected = [nearest(frames / rate * 48_000) - first for frames in cues.values()]
    assert np.flatnonzero(stems["A"][:, 0]).tolist() == expected
    assert np.flatnonzero(stems["FOLEY"][:, 1]).tolist() == expected
    assert report["start_samples"] == first


@pytest.mark.plugin
@pytest.mark.parametrize("chunk_frames", [64, 4], ids=["offline", "stream"])
@pytest.mark.parametrize("fps", RATES)
def test_a_plugin_with_latency_moves_nothing(fps, chunk_frames, write_sheet, render_sheet):
    _, start, cues = RATES[fps]
    rows = [{"id": f"{s}{i}", "start": c, "stem": s, "preset": "click"} for i, c in enumerate(cues) for s in "AB"]
    late = Stem(name="A", effects=[Plugin(path="/usr/lib/vst3/ZaMaximX2.vst3")])
    stems, report = render_sheet(
        write_sheet(rows), fps=fps, start=start, chunk_frames=chunk_frames, stems=[late, Stem(name="B")]
    )
    assert report["stems"]["A"]["effects_latency_samples"] == 480
    assert report["stems"]["B"]["effects_latency_samples"] == 0
    assert np.flatnonzero(np.abs(stems["A"][:, 0]) > 0.1).tolist() == np.flatnonzero(stems["B"][:, 0]).tolist()
    assert len(np.flatnonzero(stems["B"][:, 0])) == len(cues)


def test_the_reverbs_tail_is_continuous(write_sheet, render_sheet):
    """A tail crosses every block and message border: compared with one whole render by another host."""
    rows = [{"id": "a", "start": "1000smp", "stem": "A", "preset": "burst"}]
    wet = Reverb(room_size=0.8, damping=0.3, wet_level=0.3, dry_level=0.4, width=1.0)
    stems, _ = render_sheet(write_sheet(rows), stems=[Stem(name="A", effects=[wet])], bits=32)
    dry, _ = render_sheet(write_sheet(rows), bits=32, out="dry")
    pedalboard = pytest.importorskip("pedalboard")
    peer = pedalboard.Reverb(room_size=0.8, damping=0.3, wet_level=0.3, dry_level=0.4, width=1.0)
    expected = peer(dry["A"].T.astype(np.float32), 48_000)
    assert np.abs(stems["A"][60_000:].max()) > 1e-4
    np.testing.assert_allclose(stems["A"].T, expected, atol=1e-5)


def test_seconds_and_samples_count_from_the_start(write_sheet, render_sheet):
    rows = [
        {"id": "a", "start": "0.5", "stem": "A", "preset": "click"},
        {"id": "b", "start": "48001smp", "stem": "A", "preset": "click"},
    ]
    stems, _ = render_sheet(write_sheet(rows))
    assert np.flatnonzero(stems["A"][:, 0]).tolist() == [24_000, 48_001]


def test_durations_cut_hits_and_stretch_textures(write_sheet, render_sheet):
    rows = [
        {"id": "a", "start": "0smp", "duration": "7000smp", "stem": "HIT", "preset": "burst"},
        {"id": "b", "start": "100smp", "end": "500100smp", "stem": "TEX", "preset": "hum"},
    ]
    stems, _ = render_sheet(write_sheet(rows))
    assert np.flatnonzero(stems["HIT"][:, 0])[-1] == 6_999
    heard = np.flatnonzero(np.abs(stems["TEX"]).max(axis=1))
    assert heard[0] in (100, 101)
    assert 500_050 <= heard[-1] <= 500_099
    quietest_window = np.sqrt((stems["TEX"][100:499_300, 0].reshape(-1, 960) ** 2).mean(axis=1)).min()
    assert quietest_window > 0.02


def test_level_pan_velocity_and_pitch(write_sheet, render_sheet):
    rows = [
        {"id": "centre", "start": "1000smp", "stem": "A", "preset": "click"},
        {"id": "left", "start": "2000smp", "stem": "A", "preset": "click", "pan": -1},
        {"id": "down", "start": "3000smp", "stem": "A", "preset": "click", "gain_db": -6.0206, "pan": 1},
        {"id": "soft", "start": "4000smp", "stem": "A", "preset": "click", "velocity": 0.5, "pan": 1},
        {"id": "up", "start": "48000smp", "stem": "B", "preset": "tone", "pitch_semitones": 12},
    ]
    stems, _ = render_sheet(write_sheet(rows))
    click = stems["A"]
    np.testing.assert_allclose(click[1000], [0.5 * 0.5**0.5] * 2, atol=1e-6)
    np.testing.assert_allclose(click[2000], [0.5, 0], atol=1e-6)
    np.testing.assert_allclose(click[3000], [0, 0.25], atol=1e-6)
    np.testing.assert_allclose(click[4000], [0, 0.125], atol=1e-6)
    tone = stems["B"][60_000 : 60_000 + 48_000, 0]
    assert np.argmax(np.abs(np.fft.rfft(tone))) == 2000
    assert np.flatnonzero(np.abs(stems["B"][:, 0]) > 1e-3)[-1] < 48_000 + 96_000


def test_a_cue_past_the_programmes_end_is_cut_with_its_fade(write_sheet, render_sheet):
    rows = [{"id": "a", "start": "00:00:00:00", "stem": "A", "preset": "tone"}]
    stems, report = render_sheet(write_sheet(rows), fps="24", end="00:00:01:00")
    assert len(stems["A"]) == 48_000
    assert report["cues"][0]["length_samples"] == 48_000
    assert any("cut by the programme's end" in remark for remark in report["remarks"])


def test_asking_a_hit_for_more_than_it_has_is_said(write_sheet, render_sheet):
    rows = [{"id": "a", "start": "0.0", "duration": "9.0", "stem": "A", "preset": "burst"}]
    _, report = render_sheet(write_sheet(rows))
    assert any("asks for more than its sound has" in remark for remark in report["remarks"])
