"""Shared fixtures: banks whose sound is known to the sample, and where optional things are."""

from pathlib import Path

import numpy as np
import pytest

from plugin_backend.pcm_codec import PcmCodec
from presets.capture import encode_pieces
from presets.store import save_preset

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
ZAMAXIM = Path("/usr/lib/vst3/ZaMaximX2.vst3")


def pytest_collection_modifyitems(items):
    skips = {
        "corpus": (CORPUS.is_dir(), "the whole Foley corpus is not beside the project"),
        "plugin": (ZAMAXIM.exists(), "zam-plugins is not installed (Debian: apt-get install zam-plugins)"),
    }
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


@pytest.fixture
def write_sheet(tmp_path):
    """Writes rows (a list of dicts) as a CSV cue sheet; answers its path."""

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
def render_sheet(tmp_path, impulse_bank):
    """Renders a sheet with the impulse bank and reads the stems back; answers name → ``[samples, 2]``
    float64 and the report."""
    import json

    import msgspec

    from render.delivery.deliver import deliver
    from render.plan import make_plan, read_sheet
    from render.project import Project

    def render(sheet: Path, *, out: str = "out", chunk_frames: int = 64, jobs: int = 1, **fields):
        project = msgspec.structs.replace(Project(show="T", bank=str(impulse_bank), model="pcm"), **fields)
        plan = make_plan(project, read_sheet(sheet, project))
        delivery = deliver(plan, project, tmp_path / out, jobs=jobs, chunk_frames=chunk_frames)
        stems = {name: read_with_another_library(path) for name, path in delivery.stems.items()}
        return stems, json.loads(delivery.report.read_text())

    return render
