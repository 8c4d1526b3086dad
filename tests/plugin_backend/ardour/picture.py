"""Takes docs/plugin_ardour.png: Ardour playing three tracks, and our window, on a screen that nobody sees.

    python -m tests.plugin_backend.ardour.picture Pisada.vst3 docs/plugin_ardour.png

Needs Xvfb, openbox, xdotool, ImageMagick and jackd (Debian: xvfb openbox xdotool imagemagick jackd2). Where Ardour 7.3
has its buttons on a screen of 1600 × 1000 is measured; it asks for its sound system once, and hides its dummy.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from plugin_backend.daw_plugin.config import PluginConfig, write_config
from plugin_backend.daw_plugin.parameters import PLUGIN_PARAMETERS
from presets.bank import FACTORY_BANK, Bank
from tests.plugin_backend.ardour.ardour7 import Ardour, Track

DISPLAY, SERVER, RATE, SECONDS = ":78", "pisada-picture", 48_000, 16
CONFIG = '<?xml version="1.0"?><Ardour><Config><Option name="discover-plugins-on-start" value="0"/></Config></Ardour>'
TRACKS = {
    "FEET": (0.55, 2_500, 0.08, {"preset": "step-gravel", "preset_b": "step-wood", "morph": 0.25, "latent0_bias": 1.5}),
    "CLOTH": (1.4, 14_000, 0.04, {"preset": "cloth-leather", "mix": 0.75}),
    "PROPS": (2.3, 5_000, 0.06, {"preset": "prop-metal"}),
}
"""Seconds from one to the next, samples they fall in, level; the plug-in's settings."""


def track(name: str, period_s: float, fall: int, level: float, settings: dict) -> Track:
    ages = np.arange(SECONDS * RATE) % int(period_s * RATE)
    noise = np.random.default_rng(len(name)).standard_normal((2, len(ages)))
    rows = {parameter.id: parameter for parameter in PLUGIN_PARAMETERS}
    numbers = {preset: number for number, preset in enumerate(Bank(FACTORY_BANK).names, 1)}
    values = {
        rows[key].name: (numbers.get(value, value) - rows[key].row.low) / (rows[key].row.high - rows[key].row.low)
        for key, value in settings.items()
    }
    return Track(name, (noise * level * np.exp(-ages / fall)).astype(np.float32), "Pisada", values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder) / "home"
        screen = {"DISPLAY": DISPLAY, "JACK_DEFAULT_SERVER": SERVER, "JACK_NO_START_SERVER": "1", "VST3_PATH": ""}
        ardour = Ardour(home, **screen)
        write_config(PluginConfig(sys.executable), home / ".config" / "pisada" / "plugin.conf")
        (home / ".vst3").mkdir()
        (home / ".vst3" / given.bundle.name).symlink_to(given.bundle.absolute())
        ardour.scan(home / ".vst3" / given.bundle.name)
        ardour.session(Path(folder) / "night", [track(name, *sounds) for name, sounds in TRACKS.items()])
        (home / ".config" / "ardour7" / ".a7").touch()  # it was here before, and asks nothing else
        (home / ".config" / "ardour7" / "config").write_text(CONFIG)

        def start(command: str, wait_s: float) -> None:
            process = subprocess.Popen(command.split(), env=ardour.environment, cwd=home, stdout=-3, stderr=-3)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            time.sleep(wait_s)

        def does(words: str, wait_s: float = 1.0) -> str:
            done = subprocess.run(words.split(), env=ardour.environment, capture_output=True, text=True, check=True)
            time.sleep(wait_s)
            return done.stdout.strip()

        start(f"Xvfb {DISPLAY} -screen 0 1600x1000x24", 2)
        start("openbox", 1)
        start(f"jackd -r -n {SERVER} -d dummy -r {RATE} -p 1024", 2)
        start(f"ardour --no-announcements --no-splash {folder}/night", 12)
        does("xdotool mousemove 810 378 click 1")  # the sound system's menu
        does("xdotool key Down Return", 2)  # JACK
        does("xdotool mousemove 1088 680 click 1", 12)  # connect
        window = does("xdotool search --onlyvisible --name night")
        does(f"xdotool windowmove {window} 0 0 windowsize {window} 1590 960 windowfocus {window}", 2)
        does("xdotool mousemove 60 440 click 1 key shift+e", 3)  # a track, and its strip
        does("xdotool mousemove 160 364 click 1", 2)
        does("xdotool mousemove 63 218 click --repeat 2 --delay 80 1", 6)  # the plug-in before the fader
        own = does("xdotool search --onlyvisible --name FEET")
        does(f"xdotool windowmove {own} 528 292 mousemove 400 930 windowfocus {window} key --window {window} space", 5)
        does(f"xdotool windowraise {own}")
        does(f"import -window root -strip -resize 1440 +dither -colors 64 PNG8:{given.out}", 0)


if __name__ == "__main__":
    main()
