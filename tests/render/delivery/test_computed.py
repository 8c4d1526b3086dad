"""Reports say how models computed the audio, to explain two stems that differ although nothing else does."""

import json
from dataclasses import asdict, replace

import msgspec
import numpy as np
import pytest

from plugin_backend.exactness import compute_info_for
from plugin_backend.models.registry import load_codec
from presets.capture import encode_pieces
from presets.store import save_preset
from render.batch.html_report import _Report
from render.delivery.deliver import deliver
from render.engine.cue_cache import CueCache
from render.engine.make_plan import make_plan
from render.plan.resolve import read_sheet
from render.project.effect_schema import Reverb
from render.project.project import Project, Stem

ROWS = [
    {"id": "a", "start": "0.5", "stem": "A", "preset": "burst"},
    {"id": "b", "start": "1.0", "stem": "B", "preset": "burst"},
    {"id": "b2", "start": "8.0", "stem": "B", "preset": "burst"},
    {"id": "c", "start": "1.5", "stem": "C", "preset": "burst"},
]


@pytest.fixture
def render(tmp_path, write_sheet):
    """Return a function that renders rows with a model and a cue cache, and returns the report and its path."""

    def render(rows, bank, model, **fields):
        project = msgspec.structs.replace(Project(show="T", bank=str(bank), model=model, tail_s=0.5), **fields)
        plan = make_plan(project, read_sheet(write_sheet(rows), project))
        delivery = deliver(plan, project, tmp_path / "out", cache=CueCache(tmp_path / "cues"))
        return json.loads(delivery.report.read_text()), delivery.report

    return render


def test_a_report_names_processor_products_and_exactness(render, tmp_path):
    foley, noise = load_codec("foley"), np.random.default_rng(0).standard_normal((1, 4_096)).astype(np.float32) * 0.1
    save_preset(encode_pieces(foley, "burst", [noise[0]], "hit"), tmp_path / "bank")
    report, path = render(ROWS[:1], tmp_path / "bank", "foley")
    computed = compute_info_for(["foley"])
    here = asdict(computed)
    assert report["schema"] == 3
    assert report["computed"] == here
    assert {name: stem["computed"] for name, stem in report["stems"].items()} == {"A": [here], "FOLEY": [here]}
    assert msgspec.json.decode(path.read_bytes(), type=_Report).computed == computed  # as a batch reads it
    assert here["exact"] is True and here["processor"] and here["products"].endswith("Product")
    again, _ = render(ROWS[:1], tmp_path / "bank", "foley")  # all of it is kept
    assert again["computed"] is None
    assert again["stems"]["A"]["computed"] == [here]


def test_what_is_kept_of_the_version_before_keeps_with_what_it_was_computed(render, impulse_bank):
    stems = [Stem(name="A"), Stem(name="B"), Stem(name="C", effects=[Reverb()])]
    report, path = render(ROWS, impulse_bank, "pcm", stems=stems)
    assert report["computed"] is None and report["stems"]["A"]["computed"] == []
    other = asdict(replace(compute_info_for(["foley"]), processor="another"))
    for stem in report["stems"].values():
        stem["computed"] = [other]
    path.write_text(json.dumps(report))
    changed = [{**row, "gain_db": -3} if row["id"] in ("b", "c") else row for row in ROWS]
    report, _ = render(changed, impulse_bank, "pcm", stems=stems)
    computed = {name: stem["computed"] for name, stem in report["stems"].items()}
    assert computed == {"A": [other], "B": [other], "C": [], "FOLEY": []}  # C is rendered whole, so the sum is


def test_only_our_models_have_products():
    assert compute_info_for(["pcm", "mine.rave.json"]) is None
    computed = compute_info_for(["foley"])
    assert compute_info_for(["pcm", "foley", "mine.rave.json"]) == computed
    assert "exact), on " in str(computed)
    assert "NOT exact: " in str(replace(computed, exact=False))
