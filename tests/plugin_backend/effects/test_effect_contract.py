"""The contract of every classic stage: any blocks, states, controls without clicks, and bad samples."""

import io
import itertools

import numpy as np
import pytest

from plugin_backend.effects.parameters import CONTROLS, FIXED, PER_CHANNEL
from plugin_backend.effects.registry import STAGES, make_stage
from plugin_backend.effects.triggered import Triggered
from plugin_backend.errors import AudioFileError, ProjectError
from plugin_backend.parameters import Choice, Parameter

RATE = 48_000
COUNT = 40_000
SIZES = [[64], [512], [8192], [333], [1, 700, 31, 1024, 511, 8191]]
TRIGGERS = {100: "trigger", 3_333: "release", 7_000: "trigger", 7_100: "trigger", 20_000: "release", 30_000: "trigger"}


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return (np.random.default_rng(1).standard_normal((2, COUNT)) * 0.1).astype(np.float32)


def quiet(parameter: Parameter, share: float) -> float:
    """Return a value in a control's range; for gains, one below 0 dB."""
    if parameter.unit == "dB":
        return parameter.low + share * (0 - parameter.low)
    return parameter.low + share * (parameter.high - parameter.low)


def moves(name: str) -> dict[int, dict[str, float]]:
    """Return changes of every control at odd samples: again while it glides, and back."""
    table = STAGES[name].parameters
    return {
        at: {key: row.default if share is None else quiet(row, share) for key, row in table.items()}
        for at, share in {5_000: 0.2, 5_700: 0.9, 21_111: None, 30_001: 0.55}.items()
    }


def pushed(stage, name: str, sound: np.ndarray, sizes: list[int], first: int = 0) -> np.ndarray:
    """Push ``sound`` from sample ``first`` on in blocks of ``sizes``, with control changes and triggers.

    Return the output.
    """
    out, at, sizes, todo = [], first, itertools.cycle(sizes), moves(name)
    while at < sound.shape[1]:
        end = min(at + next(sizes), sound.shape[1])
        cuts = [at, *(cut for cut in todo if at < cut < end), end]
        for start, stop in itertools.pairwise(cuts):
            for key, value in todo.get(start, {}).items():
                stage.set(key, value)
            for when, event in TRIGGERS.items():
                if start <= when < stop and isinstance(stage, Triggered):
                    getattr(stage, event)(when - start)
            out.append(stage.push(sound[:, start:stop]))
        at = end
    return np.concatenate(out, axis=1)


@pytest.mark.parametrize("name", STAGES)
def test_block_boundaries_change_nothing(name, sound):
    whole = pushed(make_stage(name, {}, RATE, 2), name, sound, [COUNT])
    assert whole.dtype == np.float32
    assert 0.01 < np.abs(whole).max() < 1.5
    for sizes in SIZES:
        output = pushed(make_stage(name, {}, RATE, 2), name, sound, sizes)
        assert 20 * np.log10(np.abs(output - whole).max() + 1e-12) < -120, sizes


@pytest.mark.parametrize("at", [5_100, 12_289])
@pytest.mark.parametrize("name", STAGES)
def test_a_restored_state_continues_with_the_same_samples(name, at, sound):
    """The state is saved during glides and within a block, before a trigger."""
    stage = make_stage(name, {}, RATE, 2)
    pushed(stage, name, sound[:, :at], [777])
    stage.set(next(iter(stage.parameters)), next(iter(stage.parameters.values())).high)
    if isinstance(stage, Triggered):
        stage.trigger(500)
    file = io.BytesIO()
    np.savez(file, **stage.state())
    file.seek(0)
    other = make_stage(name, {}, RATE, 2)
    with np.load(file, allow_pickle=False) as state:
        other.restore(dict(state))
    assert other.values == stage.values
    for one in (sound[:, at : at + 300], sound[:, at + 300 :]):
        np.testing.assert_array_equal(other.push(one), stage.push(one))
    with pytest.raises(ValueError, match="of another stage, sample rate"):
        make_stage(name, {}, 44_100, 2).restore(stage.state())


DARK = (0.25 * np.sin(2 * np.pi * 100 * np.arange(24_000) / RATE))[None].repeat(2, axis=0).astype(np.float32)
BUSY = {
    "eq": {f"peak{n}_db": 9 for n in (1, 2, 3)}
    | {"low_shelf_db": 6, "high_shelf_db": 6, "low_cut_hz": 60, "high_cut_hz": 9_000},
    "lfo": {"shape": "square"},
}


def largest_second_difference(name: str, first: dict, then: dict) -> float:
    """Return the largest second difference of a dark sound. It shows a click with at least its height."""
    stage = make_stage(name, first, RATE, 2)
    if isinstance(stage, Triggered):
        stage.trigger(10)
    output = [stage.push(DARK[:, :14_001])]
    for key, value in then.items():
        stage.set(key, value)
    return float(np.abs(np.diff(np.hstack([*output, stage.push(DARK[:, 14_001:])])[:, 4_800:], 2)).max())


@pytest.mark.parametrize("name", STAGES)
def test_a_jump_of_any_control_makes_no_click(name):
    for control in STAGES[name].parameters.values():
        ends = range(len(control.names)) if isinstance(control, Choice) else (control.low, control.high)
        for a, b in itertools.permutations(ends, 2):
            settings = [BUSY.get(name, {}) | {control.name: value} for value in (a, b)]
            calm = max(largest_second_difference(name, own, {}) for own in settings)
            jumped = largest_second_difference(name, settings[0], {control.name: b})
            assert jumped < calm + 10 ** (-65 / 20), (control.name, a, b)


@pytest.mark.parametrize("name", STAGES)
def test_what_is_no_sound_does_no_harm(name):
    stage = make_stage(name, BUSY.get(name, {}), RATE, 2)
    bad = np.full((2, 2_000), 0.1, np.float32)
    bad[0, 100:103] = np.nan, np.inf, -np.inf
    bad[1, :900] = 1e-41
    bad[1, 950:960] = 3e38
    assert np.isfinite(stage.push(bad)).all()
    assert stage.repaired_samples == 3
    silence = np.zeros((2, RATE), np.float32)
    for _ in range(4):
        output = stage.push(silence)
    assert np.abs(output).max() < 1e-6
    smallest = np.finfo(np.float64).tiny
    for key, array in stage.state().items():
        assert not ((array != 0) & (np.abs(array) < smallest)).any() if array.dtype == np.float64 else True, key


@pytest.mark.parametrize("name", STAGES)
def test_what_is_given_in_is_not_changed_and_not_handed_back(name, sound):
    block = sound[:, :512].copy()
    stage = make_stage(name, {}, RATE, 2)
    assert not np.shares_memory(stage.push(block), block)
    np.testing.assert_array_equal(block, sound[:, :512])
    assert stage.push(block[:, :0]).shape == (2, 0)
    assert stage.latency_samples == 0


@pytest.mark.parametrize("name", PER_CHANNEL)
def test_channels_do_not_hear_each_other(name, sound):
    both = make_stage(name, BUSY.get(name, {}), RATE, 2).push(sound)
    for channel in (0, 1):
        alone = make_stage(name, BUSY.get(name, {}), RATE, 1).push(sound[[channel]])
        np.testing.assert_allclose(alone[0], both[channel], atol=1e-7)


def test_the_tables_are_the_stages():
    assert {name: stage.parameters for name, stage in STAGES.items()} == CONTROLS
    assert set(FIXED) <= set(STAGES) >= set(PER_CHANNEL)


@pytest.mark.parametrize(
    ("name", "settings", "channels", "message"),
    [
        ("echo", {}, 2, "^no effect 'echo'; there are eq, lfo, pulses, adsr, gain, pan, convolution$"),
        ("eq", {"treble": 1}, 2, "^no setting 'treble'; there are low_cut_hz, "),
        ("eq", {"peak1_db": 30}, 2, "^peak1_db 30: -24 to 24 can be used$"),
        ("gain", {"gain_db": float("nan")}, 2, "^gain_db nan: -60 to 24 can be used$"),
        ("lfo", {"shape": "saw"}, 2, "^shape 'saw': sine, square, random can be used$"),
        ("lfo", {"shape": 3}, 2, "^shape 3: 0 to 2 can be used$"),
        ("convolution", {"ir": 3}, 2, "^ir 3: 1 to 1024 printable characters can be used$"),
        ("convolution", {"ir": "a\nb"}, 2, "printable characters can be used$"),
        ("convolution", {"ir": "no.wav"}, 2, "^no.wav: no such audio file$"),
        ("convolution", {}, 3, "^ir room: its 2 channels cannot run on 3; give a mono one$"),
        ("pan", {}, 1, "^a pan is between two channels; it cannot run on 1$"),
    ],
)
def test_a_stage_that_cannot_be_made_is_refused_in_one_line(name, settings, channels, message):
    with pytest.raises((ProjectError, AudioFileError), match=message):
        make_stage(name, settings, RATE, channels)


def test_wrong_blocks_and_triggers_are_refused():
    with pytest.raises(ValueError, match="a block of 1 channels, 4 samples; 2 channels"):
        make_stage("gain", {}, RATE, 2).push(np.zeros((1, 4), np.float32))
    with pytest.raises(ValueError, match="0 channels"):
        make_stage("gain", {}, RATE, 0)
    with pytest.raises(ValueError, match="a trigger at -1 samples; 0 is the next sample"):
        make_stage("adsr", {}, RATE, 1).trigger(-1)
