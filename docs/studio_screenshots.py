"""Take the screenshots of docs/studio.md with Chromium: python docs/studio_screenshots.py."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
WAIT_MS = 300_000


def bank(page: Page) -> None:
    """Press a preset, after the presets are drawn."""
    page.wait_for_timeout(30_000)
    page.locator('[data-key="factory/step-gravel"]').click()


def instrument(page: Page) -> None:
    """Move an axis, and strike."""
    slider = page.locator("input[type=range][aria-label=brightness]")
    slider.wait_for()
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.locator(".strike-pad").click()


def mix(page: Page) -> None:
    """Mix a random pair with a third sound."""
    page.get_by_role("button", name="Random pair").click()
    page.locator(".slot").nth(1).wait_for()
    page.locator("button.add").click()
    page.locator(".picker-row").nth(2).click()
    page.locator(".slot").nth(2).wait_for()


def sound_map(page: Page) -> None:
    """Press the middle of the map."""
    page.locator(".legend li").first.wait_for()
    page.locator(".map-canvas").click(position={"x": 420, "y": 240})


PANES = {"instrument": instrument, "mix": mix, "map": sound_map, "bank": bank}


def main(folder: Path, width: int = 1280, height: int = 800, theme: str = "dark") -> None:
    """Take one screenshot of each pane.

    Args:
        folder: where they are written, as ``studio_PANE.png``.
        width: of the page in pixels.
        height: of the page in pixels.
        theme: ``dark`` or ``light``.
    """
    command = [sys.executable, "-m", "studio", "studio", "--port", "0", "--no-browser", "--work", tempfile.mkdtemp()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as running:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        browser = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: print(message.type, message.text) if message.type == "error" else None)
        page.on("pageerror", lambda problem: print("error", problem))
        page.goto(address)
        for name, prepare in PANES.items():
            page.evaluate(f"location.hash = '{name}'")
            page.locator(f"#pane-{name}:not([hidden])").wait_for()
            prepare(page)
            page.wait_for_timeout(4000)
            page.screenshot(path=folder / f"studio_{name}.png")
        browser.close()
        server.terminate()


if __name__ == "__main__":
    main(HERE if len(sys.argv) < 2 else Path(sys.argv[1]), *map(int, sys.argv[2:4]), *sys.argv[4:5])
