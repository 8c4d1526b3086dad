"""Spotting: hits at known samples are found at these samples, whatever lies around them and however they are read."""

import struct

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wavinfo import WavInfoReader

from plugin_backend.audio_files import inspect_recording, read_mono
from plugin_backend.errors import AudioFileError, CueSheetError, PisadaError, ProjectError
from plugin_backend.hit_detection import Hit, Sensitivity, detect_hits
from plugin_backend.hit_detection.overlapping_chunks import overlapping_chunks
from render.project.timecode import RATES, Clock
from render.spotting import cues_of_guide
from render.wav.riff import append

RATE = 48_000
ONSETS = RATE + np.arange(16) * (RATE // 2) + np.arange(16) * 37
LENGTH = 10 * RATE
FILM = Clock(RATE, RATES["24"], 86_400)


@pytest.fixture
def guide(tmp_path):
    def write(audio, rate: int = RATE, subtype: str = "FLOAT", name: str = "guide.wav"):
        path = tmp_path / name
        soundfile.write(path, np.asarray(audio, np.float32), rate, subtype=subtype)
        return path

    return write


def bursts(onsets, rate: int = RATE, attack_s: float = 0.0, decay_s: float = 0.06, gains=None, seconds: float = 10):
    """Decaying noise that begins at each onset with a sample of full height."""
    rng, audio = np.random.default_rng(0), np.zeros(round(seconds * rate))
    for index, onset in enumerate(onsets):
        time_s = np.arange(min(rate // 4, audio.size - onset)) / rate
        noise = rng.uniform(0.5, 1, time_s.size) * rng.choice([-1, 1], time_s.size)
        rise = np.minimum(1, time_s / attack_s) if attack_s else 1
        audio[onset : onset + time_s.size] += (
            0.4 * (1 if gains is None else gains[index]) * (rise * noise * np.exp(-time_s / decay_s))
        )
    return audio


def noise(level_db: float, count: int = LENGTH):
    return np.random.default_rng(1).standard_normal(count) * 10 ** (level_db / 20)


def onsets(hits: list[Hit]) -> list[int]:
    return [hit.onset_samples for hit in hits]


def test_clicks_are_found_at_their_very_sample(guide):
    audio = np.zeros(LENGTH)
    audio[ONSETS] = 0.5
    hits = detect_hits(guide(audio))
    assert onsets(hits) == ONSETS.tolist()
    assert [(round(hit.peak_dbfs, 2), hit.velocity) for hit in hits] == [(-6.02, 1.0)] * 16


def test_a_recording_may_begin_with_a_hit(guide):
    audio = np.zeros(RATE)
    audio[0] = 0.5
    assert onsets(detect_hits(guide(audio))) == [0]


@pytest.mark.parametrize("snr_db, most", [(60, 2), (40, 4), (30, 4), (20, 48)])
def test_bursts_over_noise_are_found_to_the_sample(guide, snr_db, most):
    errors = np.abs(np.array(onsets(detect_hits(guide(bursts(ONSETS) + noise(-10 - snr_db))))) - ONSETS)
    assert np.median(errors) == 0
    assert errors.max() <= most


@pytest.mark.parametrize("attack_ms, most_ms", [(1, 0.3), (5, 1), (10, 2), (20, 3)])
def test_a_hit_begins_at_a_tenth_of_its_attack(guide, attack_ms, most_ms):
    errors = np.array(onsets(detect_hits(guide(bursts(ONSETS, attack_s=attack_ms / 1000) + noise(-70))))) - ONSETS
    assert errors.min() >= 0
    assert np.median(errors) * 1000 / RATE <= most_ms


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000, 192_000])
def test_any_rate(guide, rate):
    at = ONSETS * rate // RATE
    found = onsets(detect_hits(guide(bursts(at, rate) + noise(-70, 10 * rate), rate)))
    assert np.abs(np.array(found) - at).max() <= rate // 10_000 + 1


def test_channels_that_cancel_and_a_hit_in_one_of_six(guide):
    audio = bursts(ONSETS)
    both, one = np.stack([audio, -audio], axis=1), np.zeros((LENGTH, 6))
    one[:, 4] = audio
    assert onsets(detect_hits(guide(both))) == onsets(detect_hits(guide(one))) == ONSETS.tolist()


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_integers_hear_the_same(guide, subtype):
    assert onsets(detect_hits(guide(bursts(ONSETS), subtype=subtype))) == ONSETS.tolist()


def test_forty_decibels_between_one_hit_and_the_next(guide):
    gains = np.where(np.arange(16) % 2, 0.01, 1.0)
    hits = detect_hits(guide(bursts(ONSETS, gains=gains) + noise(-78)))
    assert np.abs(np.array(onsets(hits)) - ONSETS).max() <= 48
    assert [round(hit.velocity, 1) for hit in hits] == [1.0, 0.1] * 8


def test_velocity_squared_is_the_peak_as_the_renderer_takes_it(guide):
    audio = np.zeros(LENGTH)
    audio[ONSETS] = np.tile([0.8, 0.2], 8)
    assert [round(hit.velocity**2, 4) for hit in detect_hits(guide(audio))] == [1.0, 0.25] * 8


def test_one_slate_does_not_make_the_steps_quiet(guide):
    at = RATE + np.arange(41) * (RATE // 2)
    audio = np.zeros(24 * RATE)
    audio[at] = 0.05
    audio[at[0]] = 1.0
    assert {round(hit.velocity, 3) for hit in detect_hits(guide(audio))} == {1.0}


@pytest.mark.parametrize("level", [0.0, 0.25])
def test_hum_and_an_offset_are_no_hits(guide, level):
    hum = 0.04 * np.sin(2 * np.pi * 50 * np.arange(LENGTH) / RATE) + level
    found = onsets(detect_hits(guide(bursts(ONSETS) + hum + noise(-60))))
    assert np.abs(np.array(found) - ONSETS).max() <= 48


@pytest.mark.parametrize("audio", [np.zeros(LENGTH), noise(-20), noise(-90), np.full(7, 0.5), np.full(LENGTH, 0.3)])
def test_nothing_is_found_where_nothing_happens(guide, audio):
    assert detect_hits(guide(audio)) == []


def test_heel_and_toe_are_one_hit_unless_the_gap_is_lowered(guide):
    both = np.sort(np.concatenate([ONSETS, ONSETS + RATE // 10]))
    path = guide(bursts(both, decay_s=0.03, gains=np.tile([1, 0.8], 16)))
    assert onsets(detect_hits(path)) == ONSETS.tolist()
    assert np.abs(np.array(onsets(detect_hits(path, Sensitivity(min_gap_ms=50)))) - both).max() <= 48


def test_sensitivity_finds_what_is_buried(guide):
    gains = np.where(np.arange(16) % 2, 0.15, 1.0)
    path = guide(bursts(ONSETS, gains=gains) + noise(-22))
    counts = [len(detect_hits(path, Sensitivity(factor))) for factor in (0.3, 1, 3)]
    assert counts[0] < counts[1] <= counts[2]


def test_neither_reading_nor_slabs_change_anything(guide):
    at = np.cumsum(np.random.default_rng(2).integers(RATE // 5, RATE, 60))
    path = guide(bursts(at, seconds=45) + noise(-50, 45 * RATE))
    whole = detect_hits(path)
    assert len(whole) > 50
    for read_samples, core_cells in ((1000, 600), (2**20, 600), (65_536, 37), (7777, 2000)):
        assert onsets(detect_hits(path, read_samples=read_samples, core_cells=core_cells)) == onsets(whole)


def test_a_slab_is_all_that_is_held(guide):
    path = guide(np.zeros(300 * 8000), 8000)
    lengths = [len(slab.audio) for slab in overlapping_chunks(inspect_recording(path))]
    assert len(lengths) == 10
    assert max(lengths) == (600 + 2 * 120) * 400


def stamped(path, samples: int):
    append(path, b"bext", bytes(338) + struct.pack("<QH", samples, 1) + bytes(254))
    assert WavInfoReader(path).bext.time_reference == samples
    return path


def clicks(*at, count=4 * RATE):
    audio = np.zeros(count)
    audio[list(at)] = 0.5
    return audio


def test_a_timestamp_places_the_guide_to_the_sample(guide):
    path = stamped(guide(clicks(RATE, 2 * RATE + 1)), 86_405 * 2000)
    sheet = cues_of_guide(path, FILM, "FEET", "step-wood")
    assert [cue.start_samples for cue in sheet.cues] == [5 * 2000 + RATE, 5 * 2000 + 2 * RATE + 1]
    assert [(cue.id, cue.stem, cue.preset, cue.note) for cue in sheet.cues] == [
        ("FEET-001", "FEET", "step-wood", "peak -6.0 dBFS"),
        ("FEET-002", "FEET", "step-wood", "peak -6.0 dBFS"),
    ]
    assert sheet.remarks == []


def test_a_guide_at_another_rate_is_placed_by_exact_fractions(guide):
    clock = Clock(RATE, RATES["23.976"], 86_400)
    path = stamped(guide(clicks(44_101, count=88_200), 44_100), 44_100 * 86_400 * 1001 // 24_000)
    sheet = cues_of_guide(path, clock, "FEET", "step-wood")
    assert [cue.start_samples for cue in sheet.cues] == [48_001]


def test_without_a_frame_rate_a_timestamp_is_told_and_not_used(guide):
    sheet = cues_of_guide(stamped(guide(clicks(RATE)), 172_800_000), Clock(RATE), "FEET", "step-wood")
    assert [cue.start_samples for cue in sheet.cues] == [RATE]
    assert sheet.remarks == ["its timestamp, sample 172800000 from midnight, is not used without --fps and --start-tc"]


def test_hits_before_the_programme_are_left_out_and_told(guide):
    path = stamped(guide(clicks(100, 2 * RATE)), FILM.start_samples - RATE)
    sheet = cues_of_guide(path, FILM, "FEET", "step-wood")
    assert [(cue.id, cue.start_samples) for cue in sheet.cues] == [("FEET-001", RATE)]
    assert sheet.remarks == ["left out before the programme's start, 01:00:00:00: hits at its samples 100"]
    with pytest.raises(CueSheetError, match="every hit is before the programme's start, 01:00:00:00"):
        cues_of_guide(stamped(guide(clicks(100)), RATE), FILM, "FEET", "step-wood")


def test_a_timestamp_beyond_any_day_is_refused(guide):
    with pytest.raises(CueSheetError, match="guide.wav: .* samples is more than 24 hours"):
        cues_of_guide(stamped(guide(clicks(RATE)), 2**63), FILM, "FEET", "step-wood")


@pytest.mark.parametrize(
    "stem, preset, factor, gap_ms, told",
    [
        ("A/B", "step-wood", 1, 150, "a stem's name"),
        ("FEET", "", 1, 150, "is no preset's name"),
        ("FEET", "step\nwood", 1, 150, "is no preset's name"),
        ("FEET", "step-wood", float("nan"), 150, "0.1 to 10"),
        ("FEET", "step-wood", 1, 5, "20 to 5000"),
    ],
)
def test_what_is_asked_wrongly(guide, stem, preset, factor, gap_ms, told):
    with pytest.raises(ProjectError, match=told):
        cues_of_guide(guide(clicks(RATE)), FILM, stem, preset, Sensitivity(factor, gap_ms))


def test_what_cannot_be_heard(guide, tmp_path):
    (tmp_path / "text.wav").write_text("no audio")
    for path, told in (
        (tmp_path / "none.wav", "no such audio file"),
        (tmp_path, "no such audio file"),
        (tmp_path / "text.wav", "not a readable audio file"),
        (guide(np.full(RATE, np.nan), name="nan.wav"), "NaN or infinite"),
        (guide(np.zeros(0), name="empty.wav"), "holds no samples"),
        (guide(np.zeros(RATE), 4000, name="slow.wav"), "a rate of 4000 Hz"),
    ):
        with pytest.raises(AudioFileError, match=told):
            detect_hits(path)
    with pytest.raises(AudioFileError, match="no hits were found"):
        cues_of_guide(guide(np.zeros(RATE)), FILM, "FEET", "step-wood")


@given(st.integers(0, 4000), st.binary(min_size=1, max_size=4), st.integers(0, 9000))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_guide_is_one_line_at_worst(guide, at, junk, keep):
    path = stamped(guide(clicks(1000, count=4000), 8000, "PCM_16"), 8000)
    data = bytearray(path.read_bytes())
    data[at if at < 64 else -at : (at if at < 64 else -at) + len(junk)] = junk
    path.write_bytes(data[:keep])
    try:
        cues_of_guide(path, FILM, "FEET", "step-wood")
    except PisadaError as problem:
        assert "\n" not in str(problem)


WOOD_WALK_CUTS_S = (0, 0.26, 0.78, 1.28, 1.78, 2.26, 2.74, 3.5)
"""Between the seven steps of a walk over boards."""

CRISP = (
    *(f"*/minetest-data__default_{floor}_foot*" for floor in ("glass", "hard", "metal", "wood")),
    "stone/openarena*",
)
"""Glass, hard, metal and wood, and shoes: held out from all tuning."""


def attack(step) -> int:
    """The hand rule: the first sample within 20 dB of the step's peak."""
    return int(np.argmax(np.abs(step) >= 0.1 * np.abs(step).max()))


@pytest.mark.corpus
def test_a_real_walk(corpus):
    path = next((corpus / "footsteps" / "wood").glob("0ad-data__Footstep_Wood_Walking_*.ogg"))
    walk, rate = soundfile.read(path)
    cuts = [round(cut * rate) for cut in WOOD_WALK_CUTS_S]
    truth = np.array([start + attack(walk[start:end]) for start, end in zip(cuts, cuts[1:], strict=False)])
    errors_ms = np.abs(np.array(onsets(detect_hits(path))) - truth) * 1000 / rate
    assert np.median(errors_ms) <= 1
    assert errors_ms.max() <= 2


@pytest.mark.corpus
@pytest.mark.parametrize("snr_db", [80, 40, 30, 20])
def test_held_out_steps_in_a_walk(corpus, guide, snr_db):
    paths = sorted(path for pattern in CRISP for path in (corpus / "footsteps").glob(pattern))
    assert len(paths) == 17
    audio, truth = noise(-16 - snr_db, (len(paths) + 3) * RATE // 2), []
    for number, path in enumerate(paths):
        at, step = RATE + number * RATE // 2, read_mono(path, RATE)
        step = step * 0.3 / np.abs(step).max()
        audio[at : at + step.size] += step
        truth.append(at + attack(step))
    found = np.array(onsets(detect_hits(guide(audio))))
    errors_ms = np.array([np.abs(found - at).min() for at in truth]) * 1000 / RATE
    assert 2 * (errors_ms <= 20).sum() / (len(truth) + len(found)) >= 0.95
    assert np.median(errors_ms) <= 2
