"""Fixtures of the renderer's tests: WAVE chunks, reels and batches of known sounds, plug-ins and AAF files."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from render.project.timecode import RATES
from render.session.model import Item, Marker, Session, Track

REEL_START = 172_799_827  # 01:00:00;00 at 29.97 drop-frame: frame 107,892 × 1601.6, rounded


@pytest.fixture
def read_chunks():
    """Return a function that reads the chunks of a file."""
    from tests.render.wave_chunks import chunks_by_the_letter

    return chunks_by_the_letter


@pytest.fixture
def reel(tmp_path) -> Session:
    """Return a session: two stems with overlapping and trimmed clips of 24-bit noise, and their sum FOLEY, muted."""
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
    """Return a function that reads a 24-bit WAV with SciPy, not libsndfile, as integers ``[samples, channels]``."""
    from scipy.io import wavfile

    return lambda path: wavfile.read(path)[1] >> 8


@pytest.fixture(scope="session")
def poison(tmp_path_factory):
    """Return a function that builds a VST2 effect that crashes (1), hangs (2), makes a NaN (3) or only copies (0)."""
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
    """Return a function that writes a jobs file of ``count`` short reels without a model, and returns its path.

    Every third reel has clips, and every fourth a reverb. More rows can be given.
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
def pool():
    """Return one worker for all batches of a test file."""
    from render.batch import Pool
    from tests.render.batch_runs import Kept

    kept = Kept(1)
    yield kept
    Pool.close(kept)


@pytest.fixture
def run(tmp_path, pool):
    """Return a function that runs a jobs file into ``tmp_path/out`` and returns the result and the events."""
    from render.batch import Policy, Pool, plan_batch, read_jobs, run_batch
    from tests.render.batch_runs import QUICK

    def go(jobs: Path, workers: int = 1, policy: Policy = QUICK, **options):
        events, engine = [], pool if workers == 1 else Pool(workers)
        plan = plan_batch(read_jobs(jobs), tmp_path / "out")
        result = run_batch(plan, tmp_path / "out", engine, policy=policy, listen=events.append, **options)
        return result, [(event.kind, event.job, event.message) for event in events if event.kind != "progress"]

    return go


@pytest.fixture
def made(tmp_path):
    """Return a function that writes an AAF file with a function of a ``Maker``, and returns its path."""
    import aaf2

    from tests.render.aaf_maker import Maker

    def made(build, rate: str = "48000/1", name: str = "reel.aaf") -> Path:
        path = tmp_path / name
        with aaf2.open(str(path), "w") as file:
            build(Maker(file, rate))
        return path

    return made


@pytest.fixture(scope="module")
def factory():
    """The shipped bank."""
    from presets.bank import FACTORY_BANK, Bank

    return Bank(FACTORY_BANK)


@pytest.fixture(scope="session")
def plugin_values():
    """Return a function that returns the parameters of a slot: defaults, except for those given."""
    from plugin_backend.daw_plugin.shared_memory import parameter_row

    return parameter_row


@pytest.fixture(scope="session")
def played():
    """Pushes ``[channels, n]`` through a plug-in's engine, offline by default; returns as many.

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


@pytest.fixture
def keys():
    """Return a function that makes a plug-in's instrument. All are closed at the end."""
    from render.plugin_server.engine_factory import make_sound_engine
    from render.plugin_server.preset_slots import PresetPool
    from tests.render.struck_keys import HOP, RATE, SEED

    made = []

    def make(codec, bank, channels=1):
        made.append(make_sound_engine("instrument", codec, PresetPool(bank), RATE, channels, HOP, SEED))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def programs(tmp_path):
    """A bank of constants: ``a`` is 0.1 (program 9), ``b`` 0.2 (program 4), ``c`` 0.3 (none)."""
    from plugin_backend.codecs.pcm import PcmCodec
    from presets.bank import Bank
    from presets.capture import encode_pieces
    from presets.store import save_preset
    from tests.render.struck_keys import HOP

    for name, level, program in (("a", 0.1, 9), ("b", 0.2, 4), ("c", 0.3, None)):
        audio = np.full(4 * HOP, level, np.float32)
        own = {"program": program, "variation": 0.0, "fade_in_samples": 0, "fade_out_samples": 0}
        save_preset(encode_pieces(PcmCodec(), name, [audio], "hit", **own), tmp_path)
    return Bank(tmp_path)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory, built_bundles):
    """Return a ``Hosts`` that starts hosts for our built plug-ins."""
    from tests.render.hosted_plugin import Hosts

    return Hosts(tmp_path_factory.mktemp("hosts"), built_bundles)


@pytest.fixture
def start(tmp_path, impulse_bank):
    """Return a function that starts a plug-in's backend, by default with the identity codec and the impulse bank."""
    from plugin_host import Host, ends, gone

    from plugin_backend.daw_plugin.config import PluginConfig, write_config

    hosts = []

    def begin(model="pcm", bank=impulse_bank, **more) -> Host:
        config = tmp_path / f"plugin{len(hosts)}.conf"
        write_config(PluginConfig(sys.executable, str(model), (str(bank),)), config)
        hosts.append(Host(config, tmp_path / f"log{len(hosts)}", **more))
        return hosts[-1]

    yield begin
    for host in hosts:
        host.close()
        servers = [int(values["pid"]) for values in host.all("ready")]
        assert gone(host.pid) and all(ends(pid) for pid in servers)


@pytest.fixture(scope="module")
def one_for_all(tmp_path_factory, impulse_bank):
    """Return a ready backend with the engine of plain_backend.py, and the process id of its server."""
    from plugin_host import PLAIN, Host

    from plugin_backend.daw_plugin.config import PluginConfig, write_config

    folder = tmp_path_factory.mktemp("backend")
    write_config(PluginConfig(sys.executable, "pcm", (str(impulse_bank),)), folder / "plugin.conf")
    with Host(folder / "plugin.conf", folder / "log", module=(PLAIN,)) as host:
        yield host, host.ready()
        assert host.all("died") == []


@pytest.fixture
def steady(one_for_all):
    """Return one backend for all tests of a file that cannot end it."""
    from plugin_host import STEP, gone

    host, pid = one_for_all
    yield host, pid
    assert host.instance().play(STEP) is not None and not gone(pid)
    host.messages.clear()
