"""Where latents are moved to, how one target gives way to another, and the table all controls come from."""

from pathlib import Path

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.transfer.parameters import LATENT_PARAMETERS, LAYER_PARAMETERS, PARAMETERS
from plugin_backend.transfer.running_statistics import RunningStatistics, audible_frames
from plugin_backend.transfer.target import MOST_FRAMES, Target, TargetSlot, make_target

DOCS = Path(__file__).parents[3] / "docs" / "apply.md"
NONE = np.zeros(0)


def constant(value: float) -> Target:
    """Moves everything to one value."""
    return Target(np.zeros(2), np.ones(2), np.zeros((1, 2)), np.zeros(2), np.full(2, value))


def test_matched_latents_have_the_targets_mean_and_deviation():
    rng = np.random.default_rng(0)
    z = rng.normal((1.0, -2.0), (0.5, 1.0), (5_000, 2))
    target = Target(np.array([3.0, 0.0]), np.array([1.0, 2.0]), np.zeros((1, 2)), NONE, NONE)
    moved = target.moved(z, (z.mean(axis=0), z.std(axis=0)))
    np.testing.assert_allclose([moved.mean(axis=0), moved.std(axis=0)], [[3, 0], [1, 2]], atol=1e-9)
    far = target.moved(z, (z.mean(axis=0), np.array([0.05, 100.0])))
    np.testing.assert_allclose(far.std(axis=0) / z.std(axis=0), [4, 0.25])


def test_a_presets_own_scale_and_bias_come_first():
    target = Target(np.ones(2), np.ones(2), np.zeros((1, 2)), np.array([2.0, 1.0]), NONE)
    assert not target.matches
    np.testing.assert_array_equal(target.moved(np.array([[1.0, 1.0]]), (np.ones(2), np.ones(2))), [[2, 1]])


def test_the_nearest_frame_is_found_and_the_way_between_two_is_smooth():
    target = Target(np.zeros(2), np.ones(2), np.array([[0.0, 0.0], [4.0, 0.0]]), NONE, NONE)
    np.testing.assert_allclose(target.nearest(np.array([[0.3, 0.2], [3.9, 1.0]])), [[0, 0], [4, 0]], atol=1e-4)
    np.testing.assert_allclose(target.nearest(np.array([[2.0, 5.0]])), [[2, 0]])


def test_a_target_is_made_of_what_sounds():
    takes = [np.repeat([[0.5], [0.0], [-0.5]], 512, axis=1).astype(np.float32)]
    target = make_target(takes, PcmCodec())
    np.testing.assert_allclose([target.mean[0], target.deviation[0]], [0, 0.5])
    assert target.frames[:, 0].tolist() == [0.5, -0.5, 0.0]  # and silence, which comes last
    many = make_target([np.full((3_000, 512), 0.5, np.float32)], PcmCodec())
    assert len(many.frames) == MOST_FRAMES + 1
    quiet = make_target([np.full((4, 512), 1e-6, np.float32)], PcmCodec())
    assert len(quiet.frames) == 5


def test_silence_is_below_sixty_decibels():
    audio = np.repeat([0.00101, 0.00099], 512)[None]
    assert audible_frames(audio, 512).tolist() == [[True, False]]


def test_running_moments_forget_and_whole_ones_do_not():
    running, whole = RunningStatistics.running(1, 100.0), RunningStatistics(1)
    for value in np.repeat([5.0, -1.0, 1.0], [500, 1_000, 1_000]):
        running.add(np.array([[value]]))
        whole.add(np.array([[value]]))
    np.testing.assert_allclose(whole.measured()[0], 1.0)
    shares = np.exp(-10 / 4) * (1 - np.exp(-10 / 4)), 1 - np.exp(-10 / 4), np.exp(-20 / 4) * (1 - np.exp(-5 / 4))
    np.testing.assert_allclose(running.measured()[0], -shares[0] + shares[1] + 5 * shares[2], atol=0.02)
    assert [value.tolist() for value in RunningStatistics(2).measured()] == [[0, 0], [1, 1]]


def test_a_slot_fades_whole_and_only_the_latest_waits():
    slot, z, heard = TargetSlot(3), np.zeros((1, 2)), (np.zeros(2), np.ones(2))

    def frames(count: int) -> list[float]:
        return [round(float(slot.moved(z, heard, 1.0, 0.0)[0, 0]), 6) for _ in range(count)]

    slot.select(constant(4.0), at_once=False)
    assert frames(2) == [4, 4]
    slot.select(constant(8.0), at_once=False)
    assert frames(1) == [5]
    slot.select(constant(100.0), at_once=False)
    slot.select(constant(0.0), at_once=False)
    assert frames(7) == [6, 7, 6, 4, 2, 0, 0]
    slot.select(constant(1.0), at_once=True)
    assert frames(1) == [1]


TABLES = PARAMETERS, LATENT_PARAMETERS, LAYER_PARAMETERS


@pytest.mark.parametrize("control", [row for table in TABLES for row in table.values()], ids=lambda c: c.name)
def test_every_control_is_in_the_docs_as_it_is(control):
    default = "–" if np.isnan(control.default) else f"{control.default:g}"
    unit = f" {control.unit}" if control.unit else ""
    row = f"| `{control.name}` | {control.low:g} … {control.high:g}{unit} | {default} | {control.doc} |"
    assert row in DOCS.read_text(encoding="utf-8")
