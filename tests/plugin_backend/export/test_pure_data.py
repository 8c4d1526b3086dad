"""An nn~ export inside Pure Data, run without a screen or a sound card: what it plays is what our node plays.

The object is our own (`puredata/tshost_tilde.cpp`): it does with a file what nn~ is known to do, in Pure Data's own
process and on libtorch alone, without Python. It is not nn~, of which no package can be installed here.
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from plugin_backend.export.export import difference_db, export_model
from plugin_backend.models.registry import load_codec

SOURCE = Path(__file__).parents[1] / "puredata" / "tshost_tilde.cpp"
VECTOR, BLOCK, HOPS, LATENTS = 64, 2048, 40, 32

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("g++") and shutil.which("pd") and Path("/usr/include/m_pd.h").exists()),
        reason="needs g++, Pure Data and its header (Debian: apt-get install g++ puredata-core puredata-dev)",
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """With the object, built against the libtorch of the installed package."""
    folder, own = tmp_path_factory.mktemp("pd"), Path(torch.__file__).parent
    headers = [own / "include", own / "include" / "torch" / "csrc" / "api" / "include"]
    command = ["g++", "-std=c++20", "-O1", "-fPIC", "-shared", *(f"-isystem{path}" for path in headers), SOURCE]
    command += ["-o", folder / "tshost~.pd_linux", f"-L{own / 'lib'}", "-ltorch", "-ltorch_cpu", "-lc10"]
    subprocess.run([*command, f"-Wl,-rpath,{own / 'lib'}"], check=True)
    needed = subprocess.run(["ldd", folder / "tshost~.pd_linux"], check=True, capture_output=True, text=True).stdout
    assert "libtorch_cpu" in needed
    assert "python" not in needed.replace(str(own), "")
    export_model("foley", "nn-tilde", folder / "foley.ts")
    return folder


def patch(objects: list[str], wires: list[tuple[int, int, int, int]], samples: int) -> str:
    """Plays ``in`` through the objects into ``out``, both from one vector on, and writes ``out.wav``.

    Object 4 is the player, 5 the recorder; the first of ``objects`` is number 6.
    """
    lines = [
        "#N canvas 0 0 400 400 12;",
        "#X obj 0 0 soundfiler;",
        f"#X obj 0 0 table in {samples};",
        f"#X obj 0 0 table out {samples};",
        "#X obj 0 0 loadbang;",
        "#X obj 0 0 tabplay~ in;",
        "#X obj 0 0 tabwrite~ out;",
        *(f"#X obj 0 0 {each};" for each in objects),
    ]
    first = 6 + len(objects)
    lines += [
        "#X obj 0 0 t b b b;",
        "#X msg 0 0 read -resize in.wav in;",
        "#X msg 0 0 \\; pd dsp 1;",
        "#X obj 0 0 t b b b;",
        f"#X obj 0 0 delay {1000 * (samples + 8 * BLOCK) / 48_000:.3f};",
        f"#X msg 0 0 write -wave -bytes 4 -nframes {samples} out.wav out;",
        "#X obj 0 0 t b b;",
        "#X msg 0 0 \\; pd quit;",
    ]
    begin, read, on, start, wait, write, end, leave = range(first, first + 8)
    joined = [(3, 0, begin, 0), (begin, 2, read, 0), (read, 0, 0, 0), (begin, 1, on, 0), (begin, 0, start, 0)]
    joined += [(start, 2, wait, 0), (start, 1, 5, 0), (start, 0, 4, 0), (wait, 0, end, 0)]
    joined += [(end, 1, write, 0), (write, 0, 0, 0), (end, 0, leave, 0)]
    return "\n".join([*lines, *(f"#X connect {a} {b} {c} {d};" for a, b, c, d in [*joined, *wires])]) + "\n"


def played_in_pd(folder: Path, objects: list[str], wires: list, sound: np.ndarray) -> tuple[np.ndarray, str]:
    """What Pure Data wrote, and what it said."""
    import soundfile

    soundfile.write(folder / "in.wav", sound, 48_000, "FLOAT")
    (folder / "out.wav").unlink(missing_ok=True)
    (folder / "patch.pd").write_text(patch(objects, wires, len(sound)))
    command = [
        "pd",
        "-nogui",
        "-noprefs",
        "-noaudio",
        "-batch",
        "-stderr",
        "-r",
        "48000",
        "-path",
        str(folder),
        "patch.pd",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (folder / "out.wav").exists(), done.stderr
    return soundfile.read(folder / "out.wav", dtype="float32")[0], done.stderr


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    count = HOPS * 512
    fade = np.exp(-(np.arange(count) % 7001) / 1500)
    return (0.2 * np.random.default_rng(0).standard_normal(count) * fade).astype(np.float32)


@pytest.fixture(scope="module")
def expected(sound) -> np.ndarray:
    """What our own streams make of it."""
    codec = load_codec("foley")
    return codec.decoder().push(codec.encoder().push(sound[None])[0])[0]


def test_pure_data_plays_what_our_node_plays(folder, sound, expected):
    output, message_lines = played_in_pd(
        folder, [f"tshost~ foley.ts forward {BLOCK}"], [(4, 0, 6, 0), (6, 0, 5, 0)], sound
    )
    late = BLOCK - VECTOR
    assert np.abs(expected).max() > 0.05
    assert difference_db(output[late:], expected[: len(sound) - late]) < -100
    assert np.abs(output[:late]).max() == 0
    assert f"forward 1 1 1 1 block {BLOCK}" in message_lines
    for name in ("variation", "scale", "bias", "reset"):
        assert f"attribute {name}" in message_lines


def test_latents_travel_between_two_objects_as_signals(folder, sound, expected):
    """At the smallest block, the file's ratio; the decoder takes a latent in the vector that brings it."""
    wires = [(4, 0, 6, 0), *((6, latent, 7, latent) for latent in range(LATENTS)), (7, 0, 5, 0)]
    output, message_lines = played_in_pd(
        folder, ["tshost~ foley.ts encode 0", "tshost~ foley.ts decode 0"], wires, sound
    )
    late = 512 - VECTOR
    assert "encode 1 1 32 512 block 512" in message_lines
    assert difference_db(output[late:], expected[: len(sound) - late]) < -100
