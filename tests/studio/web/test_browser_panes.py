"""The panes in a real browser, by mouse and by keyboard, and what a screen reader meets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.studio.web.test_browser import KEEP_ACTS, sound_is_on, wait_until

pytestmark = pytest.mark.slow

FIRST_TIME_MS = 120_000
"""The model is loaded at the first sound, on a machine that may be busy."""


def shown(page, name: str) -> None:
    page.evaluate(f"studio.open('{name}')")
    page.wait_for_selector(f"#pane-{name}:not([hidden])", timeout=FIRST_TIME_MS)


def test_the_instrument_is_played_shaped_undone_and_saved(page):
    page.set_default_timeout(FIRST_TIME_MS)
    shown(page, "instrument")
    page.locator("#instrument-latents .latent").nth(31).wait_for()
    sound_is_on(page)
    page.evaluate(KEEP_ACTS)
    slider = page.locator("input[type=range][aria-label=brightness]")
    slider.focus()
    page.keyboard.press("PageUp")
    page.locator(".strike-pad").focus()
    page.keyboard.press("f")
    wait_until(page, "struck.some((one) => one.control === 'strike' && one.to === 'shaped')", 120)
    assert page.evaluate("struck[0].control") == "axis.brightness"
    moved = float(slider.input_value())
    assert moved > 0.2
    page.keyboard.press("Control+z")
    wait_until(page, "document.querySelector('input[aria-label=brightness]').value === '0'")
    page.keyboard.press("Control+y")
    wait_until(page, "document.querySelector('input[aria-label=brightness]').value !== '0'")
    page.get_by_role("button", name="Save as preset").click()
    page.locator("#save-name").fill("brighter")
    page.keyboard.press("Tab")
    page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved as own/brighter").wait_for()
    shown(page, "bank")
    page.locator('[data-key="own/brighter"]').wait_for()


def test_two_sounds_are_mixed_and_the_line_is_downloaded(page):
    page.set_default_timeout(FIRST_TIME_MS)
    shown(page, "mix")
    for name in ("step-gravel", "step-stone"):
        page.locator("button.add").click()
        page.locator(f'.picker-row[data-key="small/{name}"]').click()
        page.locator(".slot-name", has_text=name).wait_for()
    page.locator("#pane-mix .pad").click(position={"x": 60, "y": 100})
    page.get_by_text("Mixture: 100 % + 0 %").wait_for()
    page.locator("#pane-mix .pad").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Mixture: 90 % + 10 %").wait_for()
    page.get_by_role("button", name="Generate 11 steps").click()
    page.locator(".step").nth(10).wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Zip").click()
    assert Path(download.value.path()).read_bytes()[:2] == b"PK"


def test_the_map_is_pressed_and_walked_by_keys(page):
    page.set_default_timeout(FIRST_TIME_MS)
    shown(page, "map")
    page.locator(".legend li").first.wait_for()
    page.locator(".map-canvas").click(position={"x": 300, "y": 200})
    page.get_by_text("Map, near").wait_for()
    page.keyboard.press("ArrowRight")
    page.locator(".now", has_text=", take").wait_for()
    assert page.locator(".map-name").inner_text()


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """The text of axe-core, from npm."""
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "pack", "axe-core@4.10.3", "--silent", "--pack-destination", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as problem:
        pytest.skip(f"needs npm and its registry: {problem}")
    subprocess.run(["tar", "-xzf", "axe-core-4.10.3.tgz", "package/axe.min.js"], cwd=folder, check=True)
    return (folder / "package" / "axe.min.js").read_text()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious(page, axe, theme):
    page.set_default_timeout(FIRST_TIME_MS)
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    page.evaluate(axe)
    for name in page.evaluate("studio.panes.map(({ name }) => name)"):
        shown(page, name)
        page.wait_for_timeout(300)
        found = page.evaluate("axe.run().then(({ violations }) => violations)")
        serious = [
            (one["id"], one["nodes"][0]["target"], one["nodes"][0]["failureSummary"][:200])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], name
