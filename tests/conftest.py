"""Shared fixtures: banks whose sound is known to the sample, and where optional things are."""

import shutil
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from presets.capture import encode_pieces
from presets.store import save_preset

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
ZAMAXIM = Path("/usr/lib/vst3/ZaMaximX2.vst3")

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine breaks nothing
hypothesis.settings.load_profile("untimed")


def pytest_ignore_collect(collection_path, config):
    """A run of what has to be alone reads only the files that hold such a test: to read all takes half a minute."""
    if config.option.markexpr == "alone" and collection_path.match("test_*.py"):
        return True if "mark.alone(" not in collection_path.read_text(encoding="utf-8") else None
    return None


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by marker
def pytest_collection_modifyitems(items):
    skips = {
        "corpus": (CORPUS.is_dir(), "the whole Foley corpus is not beside the project"),
        "plugin": (ZAMAXIM.exists(), "zam-plugins is not installed (Debian: apt-get install zam-plugins)"),
        "ardour": (shutil.which("ardour7-export"), "Ardour 7 is not installed (Debian: apt-get install ardour)"),
    }
    long = {item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("juce")}
    items.sort(key=lambda item: item.path not in long)  # else the last processor works on after the others are done
    for item in items:
        for marker, (there, reason) in skips.items():
            if not there and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def no_cache_of_ones_own(tmp_path_factory, monkeypatch):
    """Commands keep decoded cues in a folder of the tests, never in the home of who runs them."""
    monkeypatch.setenv("PISADA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def corpus() -> Path:
    """The whole Foley corpus, for tests marked ``corpus``."""
    return CORPUS


@pytest.fixture(scope="session")
def built_bundles(tmp_path_factory) -> list[Path]:
    """Our plug-ins, for tests marked ``juce``; built once in the user's cache, which takes minutes."""
    from plugin_backend.daw_plugin.build import build, build_cache
    from plugin_backend.daw_plugin.juce_sdk import find_sdk, missing_message, missing_packages
    from plugin_backend.errors import PluginError

    if missing := missing_packages():
        pytest.skip(missing_message(missing))
    try:
        find_sdk(None, build_cache())
    except PluginError as problem:
        pytest.skip(str(problem))
    return build(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="session")
def foley():
    """The shipped model, loaded once: that takes a second. Its streams have a state, it has none."""
    from plugin_backend.models.registry import load_codec

    return load_codec("foley")


@pytest.fixture(scope="session")
def impulse_bank(tmp_path_factory) -> Path:
    """A bank of identity presets: ``click`` is one full-scale sample, ``burst`` a second of noise,
    ``tone`` four seconds of 1 kHz, ``hum`` a texture of the same."""
    folder = tmp_path_factory.mktemp("bank")
    codec, rng = PcmCodec(), np.random.default_rng(0)
    click = np.zeros(2048, np.float32)
    click[0] = 0.5
    burst = (rng.standard_normal(48_000) * 0.1).astype(np.float32)
    tone = (0.25 * np.sin(2 * np.pi * np.arange(192_000) / 48)).astype(np.float32)
    plain = {"fade_in_samples": 0, "fade_out_samples": 0, "variation": 0.0}
    for name, audio, kind in (
        ("click", click, "hit"),
        ("burst", burst, "hit"),
        ("tone", tone, "hit"),
        ("hum", tone, "texture"),
    ):
        save_preset(encode_pieces(codec, name, [audio], kind, program=None, **plain), folder)
    return folder


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> tuple[Path, Path]:
    """Checkpoints of two waveform VAEs, quick and untrained, that differ in hop, latents, latency, head and weights."""
    import torch

    from plugin_backend.models.waveform_vae import checkpoint
    from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
    from plugin_backend.models.waveform_vae.model import WaveformVAE

    widths = {"encoder_width": 16, "encoder_blocks": 2, "decoder_width": 16, "decoder_blocks": 2}
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")
    paths = folder / "quick.safetensors", folder / "slow.safetensors"
    for path, sizes in zip(paths, ((256, 4, 512, "spectra"), (512, 6, 1024, "noise")), strict=True):
        own = dict(zip(("hop", "latent_dim", "decoder_window", "head"), sizes, strict=True))
        checkpoint.save(WaveformVAE(WaveformVAEConfig(**own, **widths)), path, {})
    return paths


@pytest.fixture
def write_sheet(tmp_path):
    """Return a function that writes rows (a list of dicts) as a CSV cue sheet, and returns its path."""

    def write(rows: list[dict], name: str = "cues.csv") -> Path:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        lines = [",".join(columns)] + [",".join(str(row.get(key, "")) for key in columns) for row in rows]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def read_with_another_library(path: Path) -> np.ndarray:
    """A stem as ``[samples, 2]`` float64, exactly, read by SciPy (we write with libsndfile)."""
    import warnings

    from scipy.io import wavfile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # it skips bext
        rate, audio = wavfile.read(path)
    assert rate == 48_000
    return audio / -float(np.iinfo(audio.dtype).min) if audio.dtype.kind == "i" else audio.astype(np.float64)


@pytest.fixture
def forked_renders(monkeypatch):
    """Render processes are forked, see ``forked_renders.py``; tests of the processes themselves go without."""
    from tests.forked_renders import fork_renders

    fork_renders(monkeypatch)


@pytest.fixture
def render_sheet(tmp_path, impulse_bank, forked_renders, monkeypatch):
    """Return a function that renders a sheet with the impulse bank, without a plot, and reads the stems back.

    It returns ``[samples, 2]`` float64 by stem, and the report."""
    import json

    import msgspec

    from render.delivery.deliver import deliver
    from render.engine.make_plan import make_plan
    from render.plan.resolve import read_sheet
    from render.project.project import Project

    monkeypatch.setattr("render.delivery.deliver.draw_waveforms", lambda path, *arguments: path.touch())

    def render(sheet: Path, *, out: str = "out", chunk_frames: int = 64, jobs: int = 1, **fields):
        project = msgspec.structs.replace(Project(show="T", bank=str(impulse_bank), model="pcm"), **fields)
        plan = make_plan(project, read_sheet(sheet, project))
        delivery = deliver(plan, project, tmp_path / out, jobs=jobs, chunk_frames=chunk_frames)
        stems = {name: read_with_another_library(path) for name, path in delivery.stems.items()}
        return stems, json.loads(delivery.report.read_text())

    return render


class JackServer:
    """A JACK server of its own with the dummy driver: a sound card without a card."""

    def __init__(self, name: str):
        self.name, self.process = name, None

    def start(self, rate_hz: int = 48_000, period_samples: int = 512) -> None:
        """Run it, and wait until clients can come."""
        import subprocess
        import time

        wanted = f"jackd -r -n {self.name} -d dummy -r {rate_hz} -p {period_samples}"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(wanted.split(), **quiet)
        for _ in range(100):
            if subprocess.run(
                ["jack_wait", "-s", self.name, "-c"], capture_output=True, text=True, check=False
            ).stdout.startswith("running"):
                return
            time.sleep(0.1)
        raise AssertionError("the JACK server does not start")

    def kill(self) -> None:
        """Pull the plug."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        """End it in order: a machine remembers eight servers that were killed, and then starts no more."""
        if self.process is None:
            self.start()
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def jack_server(monkeypatch):
    """A running :class:`JackServer` that clients started from here find by themselves."""
    import ctypes.util
    import os
    import shutil

    if not shutil.which("jackd") or not ctypes.util.find_library("portaudio"):
        pytest.skip("a JACK server and PortAudio are needed (Debian: apt-get install jackd2 libportaudio2)")
    server = JackServer(f"pisada-{os.getpid()}")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    server.start()
    yield server
    server.stop()
