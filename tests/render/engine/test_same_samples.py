"""However it is rendered, the same samples."""

import numpy as np
import pytest

from render.project.effect_schema import Reverb
from render.project.project import Stem

ROWS = [
    {"id": f"{stem}{i}", "start": f"{start}smp", "stem": stem, "preset": preset, "pan": pan}
    for i, (stem, preset, start, pan) in enumerate(
        [
            ("FEET", "burst", 700, -0.3),
            ("FEET", "click", 30_001, 0.1),
            ("PROPS", "tone", 5_000, 0.7),
            ("CLOTH", "burst", 12_345, 0),
            ("CLOTH", "burst", 20_000, 0.2),
        ]
    )
]
STEMS = [Stem(name="FEET"), Stem(name="PROPS", effects=[Reverb(wet_level=0.2)]), Stem(name="CLOTH", gain_db=-3)]


@pytest.fixture
def offline(write_sheet, render_sheet):
    return render_sheet(write_sheet(ROWS), stems=STEMS, out="offline")[0]


@pytest.mark.parametrize("way", [{"chunk_frames": 4}, {"jobs": 2}, {"jobs": 3, "chunk_frames": 1}], ids=str)
def test_bit_identical_after_the_codec(way, offline, write_sheet, render_sheet):
    stems, _ = render_sheet(write_sheet(ROWS), stems=STEMS, out="other", **way)
    for name, audio in offline.items():
        assert np.array_equal(stems[name], audio), name


@pytest.mark.parametrize("bits", [24, 32])
def test_stems_sum_to_foley(bits, write_sheet, render_sheet):
    stems, _ = render_sheet(write_sheet(ROWS), stems=STEMS, bits=bits)
    total = sum(audio for name, audio in stems.items() if name != "FOLEY")
    assert np.abs(total).max() > 0.1
    np.testing.assert_allclose(stems["FOLEY"], total, atol=0 if bits == 24 else 1e-7)


def test_stems_share_their_length_in_whole_seconds(offline):
    last_cue_ends = 5_000 + 192_000
    assert {audio.shape for audio in offline.values()} == {(-(-(last_cue_ends + 96_000) // 48_000) * 48_000, 2)}


FOLEY_ROWS = [
    {"id": "a", "start": "0.1", "stem": "FEET", "preset": "step-gravel"},
    {"id": "b", "start": "0.7", "stem": "FEET", "preset": "step-wood", "pitch_semitones": -3},
    {"id": "c", "start": "0.0", "duration": "4.0", "stem": "AMB", "preset": "amb-wind"},
]


def test_the_vae_gives_the_same_sound_in_small_pieces_and_in_two_processes(write_sheet, render_sheet):
    factory = {"model": "foley", "bank": None, "bits": 32}
    whole, _ = render_sheet(write_sheet(FOLEY_ROWS), out="whole", **factory)
    shared, _ = render_sheet(write_sheet(FOLEY_ROWS), out="shared", jobs=2, **factory)
    pieces, _ = render_sheet(write_sheet(FOLEY_ROWS), out="pieces", chunk_frames=4, **factory)
    for name, audio in whole.items():
        assert np.abs(audio).max() > 0.01, name
        assert np.array_equal(shared[name], audio), name
        assert np.array_equal(pieces[name], audio), name


def test_takes_and_seeds_decide_the_performance(write_sheet, render_sheet):
    def feet(out, **fields):
        stems, report = render_sheet(write_sheet(FOLEY_ROWS[:2]), out=out, model="foley", bank=None, **fields)
        return stems["FEET"], [cue["seed"] for cue in report["cues"]]

    first, seeds = feet("1")
    again, _ = feet("2")
    other_take, other_seeds = feet("3", take=2)
    assert np.array_equal(first, again)
    assert not set(seeds) & set(other_seeds)
    assert not np.array_equal(first, other_take)


def test_the_order_of_rows_changes_nothing(offline, write_sheet, render_sheet):
    tied = [{**row, "start": "700smp", "stem": "FEET", "gain_db": -row["pan"] * 5} for row in ROWS]
    forward, _ = render_sheet(write_sheet(tied), out="forward", bits=32)
    backward, _ = render_sheet(write_sheet(tied[::-1]), out="backward", bits=32)
    assert np.array_equal(forward["FEET"], backward["FEET"])
