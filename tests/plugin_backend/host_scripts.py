"""Run a built plug-in in a separate host: a script in DawDreamer or pedalboard, and its output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from plugin_backend.daw_plugin.parameters import EFFECT, INSTRUMENT

PRODUCTS = {EFFECT: "Pisada", INSTRUMENT: "Pisada Instrument"}


def hosted(
    script: str, *arguments: object, tmp_path: Path, interpreter: object = "/nowhere/python"
) -> tuple[dict, str]:
    """Return the JSON that a separate host prints, and its standard error; the interpreter does not exist."""
    config = tmp_path / "plugin.conf"
    config.write_text(f"interpreter {interpreter}\n")
    own = {"PISADA_PLUGIN_CONFIG": str(config), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.returncode} {done.stderr[-2000:]}"
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def of_product(bundles: list[Path], kind: str, suffix: str = ".vst3") -> Path:
    return next(path for path in bundles if path.name == PRODUCTS[kind] + suffix)


DAWDREAMER = """
import json, sys
import dawdreamer, numpy as np
engine = dawdreamer.RenderEngine(48_000, 512)
plugin = engine.make_plugin_processor("it", sys.argv[1])
rows = plugin.get_parameters_description()
"""


PEDALBOARD = """
import json, sys
import numpy as np, pedalboard
plugin = pedalboard.load_plugin(sys.argv[1])
"""
