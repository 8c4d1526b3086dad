"""The time budget of a run is wall time."""

import time

import pytest

from plugin_backend.training.config import TrainingSettings
from plugin_backend.training.schedule import phases
from plugin_backend.training.time_budget import FEW_STEPS, MEANS_BATCHES, Budget, short_run_warning


def simulate(minutes: float, refine_share: float, started_s: float, step_s: float) -> tuple[float, list[int]]:
    """Return the wall time of a run whose start and steps take so long, and its steps by phase."""
    settings = TrainingSettings(minutes=minutes, refine_share=refine_share)
    budget, steps = Budget(minutes, time.monotonic() - started_s), []
    budget.begin(0.0)
    parts, draw_s = phases(settings), 0.1 * step_s
    budget.draw_s, total_s = draw_s, budget.overhead_s
    for index, phase in enumerate(parts):
        count, seconds = 0, 0.0
        while budget.progress(phase, count, seconds, len(parts) - index) < 1:
            count, seconds = count + 1, seconds + step_s
        end_s = 3 * step_s + budget.means_batches(step_s) * (0.8 * step_s + draw_s)  # a validation and a save
        budget.overhead_s += end_s
        total_s += seconds + end_s
        steps.append(count)
    return total_s, steps


@pytest.mark.parametrize("refine_share", [0.0, 0.35])
@pytest.mark.parametrize(("minutes", "step_s"), [(2.5, 4.0), (2.5, 0.5), (10, 2.0), (120, 1.0), (2.5, 0.02)])
def test_start_validations_and_saves_are_within_the_budget(minutes, step_s, refine_share):
    total_s, steps = simulate(minutes, refine_share, 20.0, step_s)
    assert 0.85 * 60 * minutes < total_s <= 60 * minutes
    assert all(count > 5 for count in steps)
    if refine_share:
        assert steps[1] / sum(steps) == pytest.approx(refine_share, abs=0.1)


def test_a_start_longer_than_the_budget_leaves_a_step_for_each_phase():
    assert simulate(0.1, 0.35, 60.0, 1.0)[1] == [1, 1]


def test_a_budget_of_steps_ignores_time():
    settings = TrainingSettings(steps=10, refine_share=0.0)
    budget = Budget(None, time.monotonic() - 1000)
    budget.begin(0.0)
    (phase,) = phases(settings)
    assert [budget.progress(phase, steps, 1e6, 1) for steps in (0, 5, 10)] == [0.0, 0.5, 1.0]
    assert budget.means_batches(1e6) == MEANS_BATCHES


def test_the_time_of_earlier_sessions_counts():
    budget = Budget(1.0)
    budget.begin(50.0)
    assert budget.steps_ahead(1.0, 0.0, 1) < 10
    budget = Budget(1.0)
    budget.begin(0.0)
    assert 40 < budget.steps_ahead(1.0, 0.0, 1) < 60


def test_few_steps_give_a_warning():
    assert short_run_warning(FEW_STEPS, 1.0, "foley") == ""
    assert short_run_warning(23, 4.0, "foley") == (
        "only about 23 steps fit into this budget: expect little more than the sound of 'foley'; "
        "1000 steps take about 67 minutes here"
    )
    assert short_run_warning(2, 0.0, "scratch").endswith("expect little more than noise")
