"""A wheel built from the tree installs into an empty environment and renders there."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_wheel_installs_and_renders(tmp_path):
    def call(*command: object, **kwargs) -> str:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **kwargs)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    tree = tmp_path / "tree"
    call("git", "-C", ROOT, "checkout-index", "--all", f"--prefix={tree}/")
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, tree)
    wheel = next(tmp_path.glob("pisada-*.whl"))
    venv.create(tmp_path / "empty", with_pip=False)
    into = "--python", tmp_path / "empty" / "bin" / "python"
    flags = "--quiet", "--no-compile", "--constraint", ROOT / "constraints.txt"  # most of it is never imported
    call(sys.executable, "-m", "pip", *into, "install", *flags, wheel)
    sheet = tmp_path / "cues.csv"
    sheet.write_text("id,start,stem,preset\na,0.5,FEET,step-wood\n")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    pisada = tmp_path / "empty" / "bin" / "pisada"
    printed = call(pisada, "render", sheet, "--out", tmp_path / "stems", cwd=tmp_path, env=clean)
    assert [Path(line).suffix for line in printed.splitlines()] == [".wav", ".wav", ".json", ".png"]
    assert all(Path(line).stat().st_size > 1000 for line in printed.splitlines())
