"""The plug-in on a stem: equal to the ``transfer`` insert, bit for bit; a render fails if the plug-in fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from plugin_backend.daw_plugin.config import PluginConfig, write_config
from plugin_backend.effects.limiter import limiter_latency
from plugin_backend.models.registry import load_codec
from presets.capture import encode_pieces
from presets.store import SUFFIX, save_preset
from render.engine.stream import RenderProcess
from render.project.effect_schema import Plugin, Transfer
from render.project.project import Stem
from tests.conftest import read_with_another_library

pytestmark = pytest.mark.juce
ROOT = Path(__file__).parents[3]
ROWS = [
    {"id": "a", "start": "700smp", "preset": "burst", "pan": -0.4, "duration": "0.5"},
    {"id": "b", "start": "50000smp", "preset": "burst", "pan": 0.5, "duration": "0.7"},
]


@pytest.fixture
def pisada(built_bundles, tiny_models, tmp_path, monkeypatch) -> tuple[str, Path]:
    """Return the bundle, and the bank of a quick model that its backend is configured with."""
    codec, rng = load_codec(str(tiny_models[0])), np.random.default_rng(5)
    for name in ("one", "two"):
        save_preset(encode_pieces(codec, name, [rng.standard_normal(9_000) * 0.2], "hit"), tmp_path / "bank")
    write_config(PluginConfig(sys.executable, str(tiny_models[0]), (str(tmp_path / "bank"),)), tmp_path / "plugin.conf")
    monkeypatch.setenv("PISADA_PLUGIN_CONFIG", str(tmp_path / "plugin.conf"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return str(next(path for path in built_bundles if path.name == "Pisada.vst3")), tmp_path / "bank"


def test_plugin_on_stem_equals_transfer_insert(pisada, tiny_models, write_sheet, render_sheet, monkeypatch):
    monkeypatch.setattr(RenderProcess, "context", "spawn")  # as the program starts it
    bundle, bank = pisada
    moved = {"Dry/Wet": 0.75, "Morph": 0.25, "Strength": 0.875, "Blend": 0.375, "Follow": 0.625}
    chosen = {"Preset": 1 / 255, "Morph Target": 2 / 255, "Latent 1 Bias": (0.5 + 8) / 16}
    files = [str(bank / f"{name}{SUFFIX}") for name in ("one", "two")]
    controls = {
        "mix": 0.75,
        "morph": 0.25,
        "strength": 0.875,
        "blend": 0.375,
        "follow": 0.625,
        "latents": ["1:bias=0.5"],
    }
    chains = {
        "PLUGIN": Plugin(bundle, moved | chosen),
        "INSERT": Transfer(preset=files[0], to=files[1], model=str(tiny_models[0]), **controls),
    }
    sheet = write_sheet(
        [{**row, "id": f"{name}{row['id']}", "stem": name, "seed": 7} for name in chains for row in ROWS]
    )
    stems = [Stem(name=name, effects=[effect]) for name, effect in chains.items()]
    output, report = render_sheet(sheet, stems=stems, bits=32)
    assert np.abs(output["INSERT"]).max() > 0.01
    np.testing.assert_array_equal(output["PLUGIN"], output["INSERT"])
    late = {name: report["stems"][name]["effects_latency_samples"] for name in chains}
    assert late["PLUGIN"] == late["INSERT"] + 2 * 512 + limiter_latency(48_000)


def servers(config: str) -> list[int]:
    """Return the servers of that config, forked by supervisors. Only they have several threads."""
    found, busy = {}, set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = f"PISADA_PLUGIN_CONFIG={config}".encode() in (folder / "environ").read_bytes()
            if is_ours and b"render.plugin_server" in (folder / "cmdline").read_bytes():
                busy |= {int(folder.name)} if len(list((folder / "task").iterdir())) > 1 else set()
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended
            continue
    return [pid for pid, parent in found.items() if parent in found and pid in busy]


class Killer(threading.Thread):
    """Kills a server when this many bytes of audio are written below ``folder``."""

    def __init__(self, folder: Path, count: int):
        super().__init__(daemon=True)
        self._folder, self._count, self.killed = folder, count, []

    def run(self) -> None:
        while sum(_size(path) for path in self._folder.rglob("*.wav*")) < self._count:
            time.sleep(0.01)
        for pid in servers(os.environ["PISADA_PLUGIN_CONFIG"])[:1]:
            os.kill(pid, signal.SIGKILL)
            self.killed.append(pid)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it was renamed
        return 0


@pytest.fixture
def requested(pisada, write_sheet, impulse_bank, tmp_path) -> dict[str, list]:
    """Return arguments of ``render`` and ``batch`` for half a minute of two stems, one with the plug-in."""
    rows = [{**ROWS[0], "id": f"a{at}", "start": f"{at}.0", "stem": "WET"} for at in (0, 30)]
    sheet = write_sheet([*rows, {**ROWS[0], "id": "c", "stem": "DRY"}])
    (tmp_path / "show.toml").write_text(
        f'schema = 1\nshow = "A"\nbank = "{impulse_bank}"\nmodel = "pcm"\n[[stems]]\nname = "WET"\n'
        f'effects = [{{ type = "plugin", path = "{pisada[0]}", parameters = {{ "Preset" = {1 / 255} }} }}]\n'
        '[[stems]]\nname = "DRY"\n'
    )
    (tmp_path / "jobs.csv").write_text(f"name,cues,project\none,{sheet.name},show.toml\n")
    return {
        "render": [sheet, "--project", tmp_path / "show.toml", "--jobs", 2],
        "batch": [tmp_path / "jobs.csv", "--workers", 1],
    }


def killed_in_the_middle(command: str, arguments: list, folder: Path) -> subprocess.CompletedProcess:
    killer = Killer(folder, 500_000)
    killer.start()
    words = [sys.executable, "-m", "studio", command, *arguments, "--out", folder / "out", "--no-cache"]
    done = subprocess.run([*map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert killer.killed, done.stderr
    assert "Traceback" not in done.stderr
    return done


LOST = "Pisada.vst3: its backend failed during the render"


def test_dead_backend_fails_render(requested, tmp_path):
    done = killed_in_the_middle("render", requested["render"], tmp_path)
    assert done.returncode == 1
    assert LOST in done.stderr
    assert list(tmp_path.rglob("*.wav*")) == []
    assert not (tmp_path / "out" / "report.json").exists()


def test_batch_retries_job_with_dead_backend(requested, tmp_path):
    done = killed_in_the_middle("batch", requested["batch"], tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "out" / "batch.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["begin", "start", "retry", "start", "done", "end"]
    assert LOST in lines[2]["told"]
    assert done.returncode == 0
    (wet,) = tmp_path.rglob("*WET*.wav")
    output = read_with_another_library(wet)
    assert np.abs(output[31 * 48_000 - 30_000 :]).max() > 0.001
