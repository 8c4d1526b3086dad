"""Plug-in bundles that an older version installed still start the backend."""

import subprocess
import sys


def test_the_former_module_name_starts_the_backend():
    command = [sys.executable, "-P", "-m", "render.plugin", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "usage: render.plugin_server" in done.stdout
