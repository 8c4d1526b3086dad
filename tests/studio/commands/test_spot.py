"""``pisada spot`` and ``pisada cues from-video`` on a drawn scene, from the film to checked cues."""

import csv
import re

import av
import draw_film
import numpy as np
import pytest
from click.testing import CliRunner

from plugin_backend.errors import OutputError
from render.spotting.video import look, spot_film
from studio.cli import pisada

pytestmark = pytest.mark.slow
PIECES = ((1.6, 5.6), (7.9, 9.1), (11.8, 12.9), (14.8, 15.8))
"""Parts of the scene that are shown one after the other; between them nothing moves."""


def shown_events():
    """Return (seconds, event) of the short film."""
    events, begin = [], 0.0
    for first, end in PIECES:
        events += [
            (begin + seconds - first, event) for seconds, event in draw_film.true_events() if first < seconds < end
        ]
        begin += end - first
    return events


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    path, ground = tmp_path_factory.mktemp("scene") / "scene.mov", draw_film.backdrop()
    times = [first + number / 24 for first, end in PIECES for number in range(round((end - first) * 24))]
    with av.open(str(path), "w") as container:
        container.metadata["timecode"] = "00:59:58:00"
        stream = container.add_stream("libx264", rate=24, options={"preset": "veryfast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = *draw_film.SIZE, "yuv420p"
        for seconds in times:
            frame = av.VideoFrame.from_ndarray(draw_film.draw(ground, seconds), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(home, monkeypatch):
    monkeypatch.setenv("PISADA_CACHE", str(home))


def run(*arguments):
    return CliRunner().invoke(pisada, [str(argument) for argument in arguments], catch_exceptions=False)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_stopped_run_goes_on_to_the_same_events(scene, home, monkeypatch):
    monkeypatch.setattr(look, "PART_FRAMES", 60)
    seen = []

    def stop_late(done, total):
        seen.append(done)
        if done == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spot_film(scene, home=home, progress=stop_late)
    assert seen[-1] == 100
    seen.clear()
    events = spot_film(scene, home=home, progress=lambda done, total: seen.append(done)).events
    assert seen[0] == 61  # the first part was kept
    again = spot_film(scene, home=home)
    assert again.events == events
    found = [(float(event.time), event.kind, event.foot) for event in events if event.confidence >= 0.4]
    for seconds, event in shown_events()[1:]:
        kind, foot = (event.split() + [""])[:2] if event.startswith("step") else (event, "")
        near = [one for one in found if one[1] == kind and abs(one[0] - seconds) <= 3.5 / 24]
        assert len(near) == 1, (seconds, event, found)
        assert near[0][2] in (foot, "")
    assert len(found) <= len(shown_events()) + 1
    steps = [abs(one[0] - true) for one in found for true, event in shown_events() if event[-1] == one[2] and one[2]]
    assert np.median([error for error in steps if error < 0.2]) <= 2 / 24


def test_the_sheet_is_clean_and_its_page_shows_each_cue(scene, tmp_path):
    out, page = tmp_path / "scene.csv", tmp_path / "scene.html"
    done = run("spot", scene, "--out", out, "--review", page)
    assert done.exit_code == 0, done.output
    assert "in 1 shots; render it with --fps 24 --start-tc 00:59:58:00" in done.stdout
    rows = rows_of(out)
    assert {row["stem"] for row in rows} == {"FEET", "DOORS", "PROPS"}
    assert {row["preset"] for row in rows if row["stem"] == "DOORS"} == {"door-open", "door-close"}
    steps = [row["preset"] for row in rows if row["stem"] == "FEET"]
    assert steps[0] == "step-grass" and steps[-1] in ("step-concrete", "step-stone")
    assert all(re.match(r"[01]\.\d\d: (a|something) ", row["note"]) for row in rows)
    checked = run("cues", "check", out, "--fps", "24", "--start-tc", "00:59:58:00")
    assert (checked.exit_code, "nothing found" in checked.stdout) == (0, True)
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg") == len(rows) and text.count("<audio") >= 4
    with pytest.raises(OutputError, match="is there already"):
        run("spot", scene, "--out", out)


def test_cues_alone_need_no_bank(scene, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("cues", "from-video", scene, "--preset", "step-snow", "--start-tc", "10:00:00:00", "--fps", "24")
    assert done.exit_code == 0, done.output
    rows = rows_of(tmp_path / "scene.csv")
    assert {row["preset"] for row in rows if row["stem"] == "FEET"} == {"step-snow"}
