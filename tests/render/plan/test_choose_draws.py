"""How the cues of a plan perform their presets: with memory, by character and foot, and what a change moves."""

from dataclasses import replace

import pytest

from presets.bank import FACTORY_BANK
from render.engine.make_plan import make_plan
from render.plan.choose_draws import shoe_of
from render.plan.resolve import read_sheet
from render.project.characters import Character
from render.project.project import Project

STEPS = [
    {"id": f"s{n}", "start": f"{n}.0", "stem": "FEET", "preset": "step-gravel", "foot": "auto", "character": "Anna"}
    for n in range(40)
]


@pytest.fixture
def draws(write_sheet):
    """Return a function from rows to cue id → draw."""

    def of(rows, **fields):
        project = Project(bank=str(FACTORY_BANK), **fields)
        plan = make_plan(project, read_sheet(write_sheet(rows), project))
        return {event.id: event.draw for event in plan.events}

    return of


def test_level_time_and_timbre_of_a_cue_change_no_other(draws):
    before = draws(STEPS)
    changed = [dict(row) for row in STEPS]
    changed[20] |= {"gain_db": "-6", "velocity": "0.4", "pan": "0.5", "start": "20.3"}
    after = draws(changed)
    assert [cue for cue in before if before[cue] != after[cue]] == ["s20"]
    assert after["s20"] == replace(before["s20"], effort=0.4)


def test_a_new_cue_changes_only_mixtures_after_it(draws):
    before = draws(STEPS)
    after = draws([*STEPS, {**STEPS[0], "id": "new", "start": "19.5", "foot": "L"}])
    moved = [cue for cue in before if before[cue] != after[cue]]
    assert all(replace(before[cue], candidate=0) == replace(after[cue], candidate=0) for cue in moved)
    assert all(int(cue[1:]) >= 20 for cue in moved)


def test_stems_characters_and_presets_have_memories_of_their_own(draws):
    alone = draws(STEPS)
    others = [{**row, "id": f"{stem}{row['id']}", "stem": stem} for row in STEPS for stem in ("A", "B")]
    ben = [{**row, "id": f"ben{row['id']}", "character": "Ben", "start": f"{n}.5"} for n, row in enumerate(STEPS)]
    together = draws([*STEPS, *others, *ben])
    assert {cue: together[cue] for cue in alone} == alone


def test_effort_foot_part_and_shoes_come_from_the_sheet_and_the_project(draws):
    rows = [
        {**STEPS[0], "id": "a", "velocity": "0.5"},
        {**STEPS[1], "id": "b", "velocity": "0.5", "effort": "0.9", "part": "heel"},
        {"id": "c", "start": "9.0", "stem": "FEET", "preset": "step-gravel"},
    ]
    found = draws(rows)
    assert (found["a"].effort, found["b"].effort, found["c"].effort) == (0.5, 0.9, 1.0)
    assert (found["a"].foot, found["b"].foot, found["c"].foot) == (1, -1, 0)
    assert (found["b"].part, found["a"].part) == ("heel", "whole")
    assert (found["a"].shoe, found["c"].shoe) == (shoe_of("Anna"), -1)
    worn = draws(rows, characters={"Anna": Character(shoes="b")})
    assert (worn["a"].shoe, worn["c"].shoe) == (1, -1)
    assert draws(rows, characters={"Anna": Character(shoes=3)})["a"].shoe == 3


def test_a_seed_of_its_own_plays_its_first_mixture(draws):
    rows = [{**row, "seed": "5"} for row in STEPS[:6]]
    assert {draw.candidate for draw in draws(rows).values()} == {0}
    free = draws([{**row, "id": "same"} | {"id": f"x{n}"} for n, row in enumerate(STEPS[:12])], memory=0)
    assert {draw.candidate for draw in free.values()} == {0}
    assert len({draw.candidate for draw in draws(STEPS[:12]).values()}) > 2
