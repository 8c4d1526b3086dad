"""Readers of files that Pisada writes itself, or that a performer writes, with a small good file for each."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

RIG = (
    "schema = 1\npreset = 'step-gravel'\nto = 'step-snow'\nchannels = 2\nblock_samples = 256\n[controls]\nmix = 0.5\n"
    "[latents.3]\nbias = 0.25\n[a]\nmix = 0.0\n[pads]\n36 = 'cup'\n[[add]]\npreset = 'cup'\ngain_db = -3.0\n"
    "[[effects]]\nname = 'eq'\n"
)
MAP = (
    "schema = 1\n[[binding]]\nsource = 'cc.1.7'\ncontrol = 'mix'\nlow = 0.1\nhigh = 0.9\ncurve = 2.0\n"
    "[[binding]]\nsource = 'note.10.36'\ncontrol = 'strike'\ntext = 'cup'\n"
)
CONFIG = "# installed\ninterpreter /opt/pisada/bin/python\nmodel foley\nbank /sounds/one\nbank /sounds/two\n"
RECORD = {
    "edition": "1", "bundles": [{"path": "/a/Pisada.vst3", "files": {"moduleinfo.json": "0" * 32}}],
    "config": {"/a/plugin.conf": "0" * 32}, "folders": ["/a"],
}  # fmt: skip


def own_readers(work: Path) -> list[tuple[str, dict[str, bytes], Callable[[Path], object]]]:
    """Return name, good files and reading function of each; ``work`` is a folder for making the good files."""
    from plugin_backend.daw_plugin.config import read_config
    from plugin_backend.daw_plugin.install import read_record
    from plugin_backend.daw_plugin.ipc_messages import packed, unpacked
    from plugin_backend.training.resume_state import load_state
    from plugin_backend.transfer.parameters import PARAMETERS
    from render.live.controllers.controller_map import read_map
    from render.live.controllers.osc_input import read
    from render.live.recording.control_log import read_log
    from render.live.rig import read_rig

    corpus, weights, message = _corpus(work), _weights(work), packed("opened", id=3, text="plain")
    return [
        ("rigs", {"rig.toml": RIG.encode()}, read_rig),
        ("controller maps", {"map.toml": MAP.encode()}, lambda path: read_map(path, dict(PARAMETERS))),
        ("logs of recordings", {"control.jsonl": _log()}, read_log),
        ("journals", {"batch.sqlite": _journal(work)}, _read_journal),
        ("plug-in's configs", {"plugin.conf": CONFIG.encode()}, read_config),
        ("installation records", {"i.json": json.dumps(RECORD).encode()}, read_record),
        ("plug-in's messages", {"message": message}, lambda path: unpacked(path.read_bytes())),
        ("OSC packets", {"packet": _packet()}, lambda path: read(path.read_bytes())),
        ("training states", {"s.safetensors": _state(work)}, load_state),
        ("models' weights", weights, lambda path: _read_weights(path, weights)),
        ("prepared corpora", corpus, lambda path: _read_corpus(path, corpus)),
    ]


def _log() -> bytes:
    from render.instrument.actions import Action
    from render.live.recording.control_log import Header, Line, as_line
    from render.live.rig import Rig

    rig = Rig(preset="cup", controls={"mix": 0.5})
    sizes = {"sample_rate": 48_000, "block_samples": 512, "ahead_blocks": 1, "latency_samples": 1024}
    entries = [Header(rig=rig, fingerprint="f", presets={"cup": "d"}, **sizes)]
    entries += [Line(action=Action(at_samples=9, control="mix", value=0.25)), Line(late=(3, 1)), Line(end=48_000)]
    return b"".join(map(as_line, entries))


def _journal(work: Path) -> bytes:
    from render.batch.engines.protocol import Output
    from render.batch.journal import NAME, Row, open_journal

    (work / "journal").mkdir()
    with open_journal(work / "journal") as journal:
        row = Row(name="reel-1", key="k", state="done", version=1, moment="2026-11-21T20:00:00", attempts=1)
        journal.put_with_outputs(row, [Output("reel-1/a.wav", 9, 10**18, "0" * 32)])
        journal.put([Row(name="reel-2", key="", state="waiting", version=0, moment="2026-11-21T20:00:00")])
    return (work / "journal" / NAME).read_bytes()


def _read_journal(path: Path) -> None:
    from plugin_backend.errors import PisadaError
    from render.batch.journal import open_journal, peek

    for old in path.parent.glob(f"{path.name}-*"):
        old.unlink()
    with contextlib.suppress(PisadaError), peek(path.parent) as journal:
        for row in journal.rows.values() if journal else ():
            journal.outputs(row.name)
    with open_journal(path.parent) as journal:
        for row in list(journal.rows.values()):
            journal.outputs(row.name)
            journal.put([row])


def _packet() -> bytes:
    from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
    from pythonosc.osc_message_builder import OscMessageBuilder

    bundle, message = OscBundleBuilder(IMMEDIATELY), OscMessageBuilder("/pisada/mix")
    message.add_arg(0.5)
    message.add_arg("cup")
    bundle.add_content(message.build())
    return bundle.build().dgram


def _state(work: Path) -> bytes:
    import torch

    from plugin_backend.training.resume_state import save_state

    path = work / "state.safetensors"
    save_state(path, {"model": {"a.weight": torch.ones(3)}, "moments": {"0.step": torch.zeros(1)}}, {"step": 5})
    return path.read_bytes()


def _weights(work: Path) -> dict[str, bytes]:
    from plugin_backend.models.waveform_vae.checkpoint import save
    from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
    from plugin_backend.models.waveform_vae.model import WaveformVAE

    small = {"latent_dim": 2, "encoder_width": 4, "encoder_blocks": 1, "decoder_width": 4, "decoder_blocks": 1}
    path = work / "small.safetensors"
    save(WaveformVAE(WaveformVAEConfig(**small)), path, {})
    return {name: (work / name).read_bytes() for name in ("small.safetensors", "small.json")}


def _read_weights(path: Path, good: dict[str, bytes]) -> None:
    from plugin_backend.models.waveform_vae.checkpoint import load

    load(_beside_good(path, good) / "small.safetensors")


def _corpus(work: Path) -> dict[str, bytes]:
    import soundfile

    from plugin_backend.corpus.dataset import prepare_corpus

    noise = np.random.default_rng(0).standard_normal(24_000) * 0.5 * np.exp(-np.arange(24_000) / 3_000)
    (work / "recordings").mkdir()
    soundfile.write(work / "recordings" / "hit.wav", np.pad(noise, (4_800, 24_000)), 48_000)
    os.utime(work / "recordings" / "hit.wav", ns=(0, 0))  # the corpus's key, a file's name, depends on it
    prepare_corpus(work / "recordings", work / "corpus")
    return {path.name: path.read_bytes() for path in (work / "corpus").iterdir() if path.name != "report.json"}


def _read_corpus(path: Path, good: dict[str, bytes]) -> None:
    from plugin_backend.corpus.dataset import open_corpus

    for sound in open_corpus(_beside_good(path, good)).sounds:
        sound.audio.max(initial=0)


def _beside_good(path: Path, good: dict[str, bytes]) -> Path:
    """Return a folder that holds the changed file, and the others as they were."""
    folder = path.parent / "set"
    folder.mkdir(exist_ok=True)
    for name, data in good.items():
        (folder / name).write_bytes(path.read_bytes() if name == path.name else data)
    return folder
