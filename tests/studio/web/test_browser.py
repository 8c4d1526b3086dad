"""The studio in a real browser: what is heard is what is rendered, by mouse and by keyboard, at every size."""

from __future__ import annotations

import time

import numpy as np
import pytest

from studio.web.library import Library, Models
from studio.web.sound.acts import Act
from studio.web.sound.engine import render_acts

pytestmark = pytest.mark.slow

TAP = """() => {
  window.tapped = [];
  studio.sound.tap(({ read, frames }) => tapped.push([read, Array.from(frames[0]), Array.from(frames[1])]));
}"""
"""Keeps every block that the audio thread plays."""


KEEP_ACTS = """() => {
  window.struck = [];
  const act = studio.sound.act.bind(studio.sound);
  studio.sound.act = async (one) => {
    const done = await act(one);
    struck.push({ ...one, ...done });
    return done;
  };
}"""
"""Keeps every act, with the sample where it took effect."""


def heard(page) -> tuple[int, np.ndarray]:
    """Return the position of the first sample that the audio thread played while it was tapped, and the sound."""
    blocks, base, base_read = page.evaluate("[tapped, studio.sound.base, studio.sound.baseRead]")
    ends = [read + len(left) for read, left, _ in blocks]
    assert ends[:-1] == [read for read, _, _ in blocks[1:]], "the audio thread missed a block"
    return base + blocks[0][0] - base_read, np.concatenate([np.array(both, np.float32) for _, *both in blocks], axis=1)


def wait_until(page, expression: str, most_s: float = 60) -> None:
    """Wait until an expression of the page is true. The page's policy forbids Playwright's own way."""
    end = time.monotonic() + most_s
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(30)


def sound_is_on(page) -> None:
    page.evaluate("studio.sound.start()")
    page.wait_for_selector(".sound-state[data-state=on]")


def test_what_the_audio_thread_plays_is_what_is_rendered(page, tmp_path, small_bank):
    page.wait_for_selector('[data-key="small/step-gravel"]')
    sound_is_on(page)
    page.evaluate(TAP)
    card = page.locator('[data-key="small/step-gravel"]')
    page.evaluate(KEEP_ACTS)
    card.click()
    wait_until(page, "struck.some((one) => one.number === 0)")
    page.wait_for_timeout(300)
    card.focus()
    page.keyboard.press(" ")
    wait_until(page, "struck.some((one) => one.number === 1)")
    page.wait_for_timeout(900)
    struck = page.evaluate("struck")
    assert [(one["control"], one["number"]) for one in struck if one["control"] == "strike"] == [
        ("strike", 0),
        ("strike", 1),
    ]
    first, sound = heard(page)
    acts = [
        Act("bank", one["control"], one.get("value", 1.0), one.get("text", ""), one["key"], one["at"]) for one in struck
    ]
    library = Library([str(small_bank)], tmp_path, Models(["foley"]))
    rendered = render_acts(library, acts, first + sound.shape[1])[:, first:]
    assert np.abs(sound).max() > 0.01
    assert np.array_equal(sound, rendered)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (375, 812)])
def test_nothing_is_wider_than_the_screen(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    for name in page.evaluate("studio.panes.map(({ name }) => name)"):
        page.evaluate(f"studio.open('{name}')")
        page.wait_for_selector(f"#pane-{name}:not([hidden])")
        wide = page.evaluate(
            f"[document.documentElement.scrollWidth, document.querySelector('#pane-{name}').scrollWidth]"
        )
        assert max(wide) <= width
