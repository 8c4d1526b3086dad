"""What a worker loads once, for all the render processes that it forks."""

import sys
from dataclasses import replace

import pytest
from render.engine.make_plan import make_plan

from plugin_backend.models.registry import load_codec
from render.batch.engines.warm_fork import warm_up
from render.plan.resolve import read_sheet
from render.project.effect_schema import Transfer
from render.project.project import Project, Stem


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked here")
def test_models_of_transfers_are_loaded_once_too(tiny_models, impulse_bank, write_sheet):
    model = str(tiny_models[0])
    cues = write_sheet([{"id": "a", "start": "0.1", "stem": "FEET", "preset": "click"}])
    project = Project(model="pcm", bank=str(impulse_bank))
    plan = make_plan(project, read_sheet(cues, project))
    assert load_codec(model) is not load_codec(model)
    warm_up(replace(plan, stems=(Stem(name="FEET", effects=[Transfer(preset="mine", model=model)]),)))
    assert load_codec(model) is load_codec(model)
