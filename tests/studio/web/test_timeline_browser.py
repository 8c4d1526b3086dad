"""The timeline in a real browser: edits by mouse and keyboard, exact sound, timecode, and 5,000 cues that scroll."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from render.project.timecode import RATES, Clock
from studio.web.app import make_app
from studio.web.serve import address_of, bind
from studio.web.settings import open_settings
from studio.web.timeline.work import close_timelines

pytestmark = pytest.mark.slow

PROJECT = 'schema = 1\nfps = "23.976"\nstart = "01:00:00:00"\nmodel = "pcm"\n'
SHEET = "id,start,stem,preset\na,01:00:01:00,FEET,burst\nb,01:00:03:00,PROPS,click\n"


@pytest.fixture(scope="module")
def shown(tmp_path_factory, impulse_bank: Path) -> Iterator[str]:
    """The address of a studio with a project of a short sheet, and one of 5,000 cues in two hours."""
    import uvicorn

    folder = tmp_path_factory.mktemp("show")
    (folder / "project.toml").write_text(PROJECT)
    (folder / "reel.csv").write_text(SHEET)
    rows = "".join(f"c{n},{n * 1.4399:.3f},S{n % 4},click\n" for n in range(1, 5001))
    (folder / "long.csv").write_text("id,start,stem,preset\n" + rows)
    settings = open_settings(folder, [impulse_bank], tmp_path_factory.mktemp("work"), port=0)
    bound = bind(settings)
    settings = replace(settings, port=bound.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(make_app(settings), log_level="warning", ws_per_message_deflate=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield address_of(settings)
    server.should_exit = True
    thread.join(10)
    bound.close()
    close_timelines()


@pytest.fixture
def tab(browser, shown):
    """A tab that shows the timeline; an error on its console fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, problems = context.new_page(), []
    page.set_default_timeout(120_000)
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.goto(f"{shown}#timeline")
    page.wait_for_selector(".tl-empty .tl-choices button")
    yield page
    context.close()
    assert problems == []


ROWS = """async () => {
  const { get } = await import("/static/api.js");
  return (await get("/timeline")).rows.map((row) => [row.id, row.start, row.duration, row.stem, row.muted]);
}"""


def rows_of(page) -> dict:
    return {id: rest for id, *rest in page.evaluate(ROWS)}


def test_cues_are_edited_by_mouse_and_by_keyboard_and_heard_exactly(tab):
    from playwright.sync_api import expect

    tab.click("text=reel.csv")
    tab.wait_for_selector(".tl-head >> text=PROPS")
    clock = Clock(48_000, RATES["23.976"], 86_400)
    frame = clock.timecode_samples
    before = rows_of(tab)
    assert before["a"][0] == frame("01:00:01:00")
    tab.keyboard.press("ArrowDown")
    for key in ("ArrowRight", "ArrowRight", ".", ",", "."):
        tab.keyboard.press(key)
    expect(tab.get_by_label("Start", exact=True)).to_have_value("01:00:01:02 +1", timeout=60_000)
    assert rows_of(tab)["a"][0] == frame("01:00:01:02") + 1
    tab.keyboard.press("m")
    tab.wait_for_selector(".tl-heading button[aria-pressed=true]")
    for _ in range(6):
        tab.keyboard.press("Control+z")
    tab.wait_for_selector("[title='Nothing to undo']")
    assert rows_of(tab) == before
    box = tab.locator(".tl-canvas").bounding_box()
    per_pixel = 10 * 48_000 * 1.03 / box["width"]
    x, y = box["x"] + before["b"][0] / per_pixel + 1, box["y"] + 30 + 76 + 40
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 60, y, steps=4)
    tab.mouse.up()
    tab.wait_for_selector("[title='Undo: Move 1 cue']")
    moved = rows_of(tab)["b"][0]
    assert abs(moved - before["b"][0] - 60 * per_pixel) < 2002
    assert moved == frame(clock.label_at(moved))  # the mouse snaps to frames
    heard = tab.evaluate(
        """async (id) => {
          const { get } = await import("/static/api.js");
          const blocks = [];
          studio.sound.start();
          const { clipNode, channelsOf } = await import("/static/sound/clips.js");
          const node = await clipNode(studio.sound, "clip-player");
          node.port.onmessage = ({ data }) => blocks.push([data.frame, Array.from(data.frames[0])]);
          const channels = channelsOf(await get("/timeline/hear-cue", { id }));
          node.port.postMessage({ tap: true });
          const at = Math.round(studio.sound.context.currentTime * 48000) + 24000;
          node.port.postMessage({ block: { at, channels } });
          const end = at + channels[0].length + 256;
          const wait = () => new Promise((done) => setTimeout(done, 50));
          while (studio.sound.context.currentTime * 48000 < end + 9600) await wait();
          const heard = [];
          for (const [frame, samples] of blocks) {
            samples.forEach((value, index) => { heard[frame + index - at] = value; });
          }
          return [heard.slice(0, channels[0].length), Array.from(channels[0])];
        }""",
        "b",
    )
    assert np.array_equal(np.array(heard[0], np.float32), np.array(heard[1], np.float32)) and np.any(heard[0])


def is_on_frame(clock: Clock, samples: int) -> bool:
    return clock.timecode_samples(clock.label_at(samples)) == samples


@pytest.mark.parametrize("name", ["23.976", "29.97df", "59.94df", "25"])
def test_timecode_in_the_page_is_that_of_the_renderer(tab, name):
    rate = RATES[name]
    clock = Clock(48_000, rate, rate.frames_per_day // 24)
    spots = [0, 1, 800, 801, 2001, 2002, 48_047, 48_048, 2_879_999, 2_882_880, 28_828_800, 172_972_799, 345_945_600]
    found = tab.evaluate(
        """async ([view, spots]) => {
          const { Clock } = await import("/static/timeline/timecode.js");
          const clock = new Clock(view);
          return spots.map((at) => [clock.label(at), clock.parse(clock.exactLabel(at)), clock.framesAway(at, 3)]);
        }""",
        [
            {
                "rate_hz": 48_000, "fps": name, "exact": [rate.exact.numerator, rate.exact.denominator],
                "nominal": rate.nominal, "drop": rate.dropped, "start_frames": clock.start_frames,
            },
            spots,
        ],
    )  # fmt: skip
    assert [(label, back) for label, back, _ in found] == [(clock.label_at(at), at) for at in spots]
    on_frames = [
        (at, away) for at, (label, _, away) in zip(spots, found, strict=True) if clock.timecode_samples(label) == at
    ]
    assert on_frames and all(away == clock.frames_away(at, 3) for at, away in on_frames)


def test_five_thousand_cues_scroll_smoothly(tab):
    """The time that drawing takes leaves room for 50 frames a second, even on a busy machine."""
    tab.click("text=long.csv")
    tab.wait_for_selector(".tl-head >> text=S3")
    spent = tab.evaluate(
        """async () => {
          const { LanesView } = await import("/static/timeline/view.js");
          const spent = [];
          const paint = LanesView.prototype.paint;
          LanesView.prototype.paint = function timed() {
            const began = performance.now();
            paint.call(this);
            spent.push(performance.now() - began);
          };
          const canvas = document.querySelector(".tl-canvas");
          const box = canvas.getBoundingClientRect();
          for (let step = 0; step < 60; step += 1) {
            canvas.dispatchEvent(new WheelEvent("wheel", {
              deltaY: step < 30 ? -40 : 120, ctrlKey: step < 30, clientX: box.x + 300, clientY: box.y + 90,
              bubbles: true, cancelable: true,
            }));
            await new Promise((done) => requestAnimationFrame(done));
          }
          LanesView.prototype.paint = paint;
          return spent.sort((a, b) => a - b);
        }"""
    )
    assert len(spent) >= 20 and spent[len(spent) // 2] < 20


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (375, 812)])
def test_the_timeline_fits_its_screen(tab, width, height):
    tab.set_viewport_size({"width": width, "height": height})
    tab.click(".tl-empty .tl-choices button >> text=reel.csv")
    tab.wait_for_selector(".tl-head >> text=PROPS")
    wide = tab.evaluate("[document.documentElement.scrollWidth, document.querySelector('#pane-timeline').scrollWidth]")
    assert max(wide) <= width
    assert tab.locator(".tl-canvas").bounding_box()["height"] > 100
