"""A real walk on grass, whose contacts were annotated by hand."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from render.spotting.video import spot_film

ROOT = Path(__file__).parents[4]
CLIP = Path(os.environ.get("SPORTS2D_CLIP", ROOT / ".samples" / "sports2d" / "Sports2D" / "Demo" / "demo.mp4"))
STEPS = json.loads(Path(__file__).with_name("sports2d_contacts.json").read_text())["steps"]
GRASS_Y = 0.85
"""She walks lower in the picture than the man who is on the wall."""


@pytest.mark.slow
@pytest.mark.skipif(not CLIP.is_file(), reason="tests/fetch_samples.py fetches the clip")
def test_all_steps_are_found_to_a_frame_with_the_right_foot(tmp_path):
    home = Path(os.environ.get("SPORTS2D_CACHE", tmp_path))
    events = [event for event in spot_film(CLIP, home=home).events if event.kind == "step" and event.y > GRASS_Y]
    errors = []
    for step in STEPS:
        frame = (step["first_pass"] + step["second_pass"]) / 2
        near = [event for event in events if abs(float(event.time) * 30 - frame) <= 2]
        assert [event.foot for event in near] == [step["foot"]], (frame, near)
        errors.append(abs(float(near[0].time) * 30 - frame))
    assert np.median(errors) <= 1
    between = [event for event in events if 59 <= float(event.time) * 30 <= 172]
    assert len(between) == len(STEPS)
