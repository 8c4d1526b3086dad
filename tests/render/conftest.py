"""A WAVE file's chunks, read by the letter of RIFF and EBU Tech 3306; a reel whose every sample is known."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from render.session.session import Item, Marker, Session, Track
from render.timecode import RATES

SMALL = 1 << 20
REEL_START = 172_799_827  # 01:00:00;00 at 29.97 drop-frame: frame 107,892 × 1601.6, rounded


def chunks_by_the_letter(path: Path) -> dict[str, bytes]:
    """Chunk id → body (of at most 1 MiB), in order; asserts that every size is right."""
    found: dict[str, bytes] = {}
    length = path.stat().st_size
    with open(path, "rb") as file:
        form, size, kind = struct.unpack("<4sI4s", file.read(12))
        assert kind == b"WAVE"
        while file.tell() < length:
            name, body = struct.unpack("<4sI", file.read(8))
            if name == b"ds64":
                riff_size, data_size, _ = struct.unpack("<QQQ", file.read(24))
                file.seek(-24, 1)
            if name == b"data" and form == b"RF64":
                assert body == 0xFFFFFFFF
                body = data_size
            begin = file.tell()
            assert begin % 2 == 0
            assert begin + body <= length
            found[name.decode()] = file.read(min(body, SMALL))
            file.seek(begin + body + body % 2)
        assert file.tell() == length
    if form == b"RF64":
        assert size == 0xFFFFFFFF
        assert next(iter(found)) == "ds64"
        size = riff_size
    assert size == length - 8
    found["form"] = form
    return found


@pytest.fixture
def read_chunks():
    """Answers the chunks of a file, by the letter."""
    return chunks_by_the_letter


@pytest.fixture
def reel(tmp_path) -> Session:
    """Two stems of overlapping and trimmed clips, 24-bit noise, and FOLEY, their exact sum, muted."""
    rng, sum_of_all = np.random.default_rng(4), np.zeros((9_000, 2), np.int64)
    tracks = []
    for stem, places in {"FEET": ((5, 7, 3_000), (2_000, 0, 4_000)), "PROPS": ((1, 0, 1), (4_111, 13, 2_222))}.items():
        items = []
        for number, (at, offset, length) in enumerate(places):
            audio = rng.integers(-(2**20), 2**20, (4_000, 2), dtype=np.int32)
            path = tmp_path / "stems" / f"{stem} {number}.wav"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, audio << 8, 48_000, "PCM_24")
            sum_of_all[at : at + length] += audio[offset : offset + length]
            items.append(Item(f"{stem}-{number}", path, REEL_START + at, length, offset))
        tracks.append(Track(stem, tuple(items)))
    path = tmp_path / "stems" / "FOLEY.wav"
    soundfile.write(path, sum_of_all.astype(np.int32) << 8, 48_000, "PCM_24")
    tracks.append(Track("FOLEY", (Item("FOLEY", path, REEL_START, 9_000),), muted=True))
    markers = (Marker("first step", REEL_START + 5),)
    return Session("REEL R1", RATES["29.97df"], REEL_START, 48_000, tuple(tracks), markers)


@pytest.fixture
def pcm_of():
    """Reads a 24-bit WAV with SciPy (we write with libsndfile); answers integers ``[samples, channels]``."""
    from scipy.io import wavfile

    return lambda path: wavfile.read(path)[1] >> 8


@pytest.fixture(scope="session")
def poison(tmp_path_factory):
    """Builds a VST2 effect that crashes (1), hangs (2), makes a NaN (3) or only copies (0); answers its path."""
    import shutil
    import subprocess
    import sysconfig

    compiler = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]) or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    folder, source = tmp_path_factory.mktemp("plugins"), Path(__file__).parent / "native" / "poison.c"

    def build(kind: int) -> Path:
        path = folder / f"poison{kind}.so"
        if not path.exists():
            subprocess.run([compiler, "-shared", "-fPIC", f"-DPOISON={kind}", "-o", path, source], check=True)
        return path

    return build


@pytest.fixture
def write_batch(tmp_path, impulse_bank):
    """Writes a jobs file of ``count`` short reels without a model, and what it names; answers its path.

    Every third reel has clips, every fourth a reverb; further rows may be given.
    """

    def write(count: int, more: tuple[dict, ...] = (), seconds: float = 1.5) -> Path:
        wet = """schema = 1
show = "WET"
tail_s = 0.0
[[stems]]
name = "FEET"
effects = [{ type = "reverb" }]
[[stems]]
name = "ROOM"
"""
        (tmp_path / "wet.toml").write_text(wet)
        (tmp_path / "dry.toml").write_text('schema = 1\nshow = "DRY"\ntail_s = 0.0\n')
        sheet = "id,start,duration,stem,preset,gain_db\n"
        for number in range(4):
            rows = [f"c{step},{0.1 + step * 0.11 + number / 50:.3f},,FEET,burst,{-20 - step}" for step in range(6)]
            rows.append(f"room,0.0,{seconds - 0.2:.3f},ROOM,hum,-12")
            (tmp_path / f"reel{number}.csv").write_text(sheet + "\n".join(rows) + "\n")
        named = ("name", "cues", "fps", "end", "bank", "model", "project", "seed", "bits", "clips", "moment")
        lines = [",".join(named)]
        for number in range(count):
            row = {
                "name": f"reel-{number:02d}",
                "cues": f"reel{number % 4}.csv",
                "bank": impulse_bank,
                "model": "pcm",
                "project": "dry.toml" if number % 4 else "wet.toml",
                "seed": number + 1,
                "bits": 16 if number % 2 else 24,
                "clips": "yes" if number % 3 == 0 else "",
                "moment": "2026-11-21T20:00:00",
            }
            lines.append(",".join(str(row.get(name, "")) for name in named))
        for row in more:
            row = {"bank": impulse_bank, "model": "pcm", **row}
            lines.append(",".join(str(row.get(name, "")) for name in named))
        path = tmp_path / "jobs.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture(scope="module")
def foley():
    """The shipped model."""
    from plugin_backend.codecs import load_codec

    return load_codec("foley")


@pytest.fixture(scope="module")
def factory():
    """The shipped bank."""
    from presets.bank import FACTORY_BANK, Bank

    return Bank(FACTORY_BANK)


@pytest.fixture(scope="session")
def plugin_values():
    """Answers a slot's parameters: defaults, but for what is named."""
    from plugin_backend.plugin.memory import parameter_row

    return parameter_row


@pytest.fixture(scope="session")
def played():
    """Pushes ``[channels, n]`` through a plug-in's engine, offline unless told otherwise; answers as many.

    ``parameters`` is one row, or a function from a hop's first sample to one; ``events`` are by sample.
    """

    def play(engine, sound: np.ndarray, parameters, events=(), wait: bool = True) -> np.ndarray:
        hop, out = engine.hop_samples, []
        for at in range(0, sound.shape[1], hop):
            here = [(sample - at, message) for sample, message in events if at <= sample < at + hop]
            row = parameters(at) if callable(parameters) else parameters
            out.append(engine.push(sound[:, at : at + hop], row, here, wait))
        return np.concatenate(out, axis=1)

    return play
