"""Measure what the codec costs compared with RAVE: CPU time / audio time on one thread, delay, start-up, exactness.

    python benchmarks/codec.py            # prints the tables kept in docs/benchmarks.md

RAVE (built by its own code, with random weights, as exported: `benchmarks/rave_peer.py`) is measured if it can be
imported, in the same rounds as our codec; otherwise earlier figures are printed and marked as such. Times are the
thread's own CPU time. Every cell is the median over the rounds. A round visits every cell once, the cells of a column
one after another.
"""

# ruff: noqa: E402 (the path comes before the imports)

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path[0] = str(Path(__file__).parents[1])  # this file must not be found as a package

import numpy as np
import torch

from benchmarks import rave_peer
from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.block_stream import BlockStream
from plugin_backend.models.registry import load_codec

OURS, RATE_HZ = "foley", 48_000
BLOCKS = (512, 1024, 2048, 4096)
EXACT_BLOCKS = (64, 100, 333, 512, 513, 1000, 4096, 8192)
OFFLINE_S, STREAM_BLOCKS, WARM_BLOCKS, ROUNDS, STARTS = 10, 24, 6, 9, 5
TARGET_OFFLINE, TARGET_STREAM = 3.0, 6.0
AUDIBLE = 1e-3
"""A response counts as audible from this share of its peak on (−60 dB)."""

Cells = dict[tuple[str, str], Callable[[], float]]


def noise(samples: int) -> np.ndarray:
    """Return bursts of noise that decay twice a second: ``[samples]`` float32, peak about −2 dBFS."""
    rng = np.random.default_rng(0)
    fade = np.exp(-(np.arange(samples) % (RATE_HZ // 2)) / 4_000)
    return (rng.standard_normal(samples) * 0.2 * fade).clip(-0.8, 0.8).astype(np.float32)


def spent(action: Callable[[], object]) -> float:
    began = time.thread_time()
    action()
    return time.thread_time() - began


def blockwise(push: Callable[[int], object]) -> Callable[[], float]:
    """Return a cell of a block size: it calls ``push(turn)`` repeatedly and returns CPU seconds per block."""
    for turn in range(WARM_BLOCKS):
        push(turn)
    return lambda: spent(lambda: [push(turn) for turn in range(STREAM_BLOCKS)]) / STREAM_BLOCKS


def our_cells(codec: Codec) -> Cells:
    """Return our cells; each returns CPU time / audio time."""
    sound = noise(OFFLINE_S * RATE_HZ)[None]
    latents = codec.encode(sound)
    cells: Cells = {
        ("ours", "encode"): lambda: spent(lambda: codec.encode(sound)) / OFFLINE_S,
        ("ours", "decode"): lambda: spent(lambda: codec.decode(latents)) / OFFLINE_S,
    }
    for block in BLOCKS:
        stream, pieces = BlockStream(codec, block), sound[0, : 8 * block].reshape(8, block)
        cell = blockwise(lambda turn, stream=stream, pieces=pieces: stream.push(pieces[turn % 8]))
        cells["ours", str(block)] = lambda cell=cell, block=block: cell() * RATE_HZ / block
    return cells


def rave_cells(config: str) -> Cells:
    sound = torch.from_numpy(noise(OFFLINE_S * RATE_HZ))[None, None]
    sound = sound[..., : sound.shape[-1] // 2048 * 2048]
    offline, streaming = (rave_peer.build(config, streaming=streaming) for streaming in (False, True))
    seconds = sound.shape[-1] / RATE_HZ
    for _ in range(3):  # TorchScript compiles over its first calls
        latents = offline.encode(sound)
        offline.decode(latents)
    cells: Cells = {
        (config, "encode"): lambda: spent(lambda: offline.encode(sound)) / seconds,
        (config, "decode"): lambda: spent(lambda: offline.decode(latents)) / seconds,
    }
    for block in (block for block in BLOCKS if block >= rave_peer.RATIO[config]):
        pieces = sound[0, 0, : 8 * block].reshape(8, 1, 1, block)
        cell = blockwise(lambda turn, pieces=pieces: streaming(pieces[turn % 8]))
        cells[config, str(block)] = lambda cell=cell, block=block: cell() * RATE_HZ / block
    return cells


def rounds_of(cells: Cells) -> list[dict[tuple[str, str], float]]:
    in_columns = sorted(cells, key=lambda place: place[1])
    return [{place: cells[place]() for place in in_columns} for _ in range(ROUNDS)]


def answer_range_samples(push: Callable[[np.ndarray], np.ndarray], ratio: int) -> tuple[int, int]:
    """Return least and most samples from a click to the first audible change, over the click's position in a frame."""
    block, forget, delays = 4096, 12, []
    for at in [*range(0, ratio, ratio // 8), ratio - 1]:
        responses = []
        for level in (0.0, 0.5):
            sound = np.zeros((forget + 4, block), np.float32)
            sound[forget, at] = level
            torch.manual_seed(1)
            responses.append(np.concatenate([push(piece) for piece in sound])[forget * block :])
        change = np.abs(responses[1] - responses[0])
        delays.append(int(np.argmax(change > AUDIBLE * change.max())) - at)
    return min(delays), max(delays)


def rave_push(config: str) -> Callable[[np.ndarray], np.ndarray]:
    stream = rave_peer.build(config, streaming=True)
    return lambda piece: stream(torch.from_numpy(piece)[None, None])[0, 0].numpy()


def start_up(what: str) -> dict:
    """Return CPU seconds from file to the first 4096 samples, in a fresh process with the libraries imported."""
    sound = noise(4096)
    began = time.process_time()
    if what == OURS:
        first = BlockStream(load_codec(OURS), 512).push(sound)
    else:
        with torch.inference_mode():
            first = torch.jit.load(what)(torch.from_numpy(sound)[None, None]).numpy()
    if not np.isfinite(first).all():
        raise SystemExit(f"{what}: the first sound is not finite")
    return {"first_audio_s": time.process_time() - began}


def start_up_in_fresh_processes(what: str) -> float:
    command = [sys.executable, __file__, "--start-up", what]
    results = [subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout for _ in range(STARTS)]
    return median(json.loads(result.splitlines()[-1])["first_audio_s"] for result in results)


def deviation_dbfs(codec: Codec, block: int) -> tuple[int, float, float]:
    """Return the latency of a stream of ``block``s, and its peak and RMS deviation from the whole sound."""
    sound, hop = noise(2 * RATE_HZ), codec.spec.hop_samples
    whole = codec.decode(codec.encode(np.pad(sound, (0, codec.spec.latency_samples + hop))[None]))[0, : len(sound)]
    stream = BlockStream(codec, block)
    fed = np.pad(sound, (0, stream.latency_samples + block))
    fed = fed[: len(fed) // block * block].reshape(-1, block)
    streamed = np.concatenate([stream.push(piece) for piece in fed])[stream.latency_samples :][: len(sound)]
    error = streamed.astype(np.float64) - whole
    in_dbfs = [20 * np.log10(level + 1e-12) for level in (np.abs(error).max(), np.sqrt(np.mean(error**2)))]
    return stream.latency_samples, *in_dbfs


def ratio_table(names: list[str], values: dict[tuple[str, str], float]) -> None:
    columns = ["encode", "decode", "enc+dec", *map(str, BLOCKS)]
    print("\n| CPU time / audio time | offline encode | decode | both |", " | ".join(map(str, BLOCKS)), "|")
    print("|---" * (len(columns) + 1) + "|")
    for name in names:
        values[name, "enc+dec"] = values[name, "encode"] + values[name, "decode"]
        print(f"| {name} |", " | ".join(f"{values[name, c]:.3f}" if (name, c) in values else "–" for c in columns), "|")


def show_targets(rounds: list[dict[tuple[str, str], float]]) -> None:
    print()
    for what, columns, target in (
        ("offline", ("encode", "decode"), TARGET_OFFLINE),
        ("streaming at 512", ("512",), TARGET_STREAM),
    ):
        times = sorted(
            sum(one["v2_small", c] for c in columns) / sum(one["ours", c] for c in columns) for one in rounds
        )
        verdict = "met" if median(times) >= target else "MISSED"
        spread = f"{times[0]:.1f}–{times[-1]:.1f} over {len(times)} rounds"
        print(f"- {what}: {median(times):.1f} × faster than v2_small ({spread}; target ≥ {target:.0f} ×: {verdict})")


def show_starts(codec: Codec, peers: list[str]) -> None:
    print("\n| | start-up, CPU s | a click is audible after, samples | aligned after, samples |\n|---|---|---|---|")
    soonest, latest = answer_range_samples(BlockStream(codec, 512).push, codec.spec.hop_samples)
    late = codec.spec.latency_samples
    aligned = (
        f"{late} ({late / 48:.0f} ms) in blocks of whole hops, up to {late + codec.spec.hop_samples - 1} in others"
    )
    print(f"| ours | {start_up_in_fresh_processes(OURS):.2f} | {soonest}–{latest} | {aligned} |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for config in peers:
            path = str(Path(folder) / f"{config}.ts")
            rave_peer.build(config, streaming=True).save(path)
            soonest, latest = answer_range_samples(rave_push(config), rave_peer.RATIO[config])
            print(f"| {config} | {start_up_in_fresh_processes(path):.2f} | {soonest}–{latest} | – |", flush=True)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start-up", metavar="MODEL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.start_up:
        print(json.dumps(start_up(options.start_up)))
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )
    print(f"load average {os.getloadavg()[0]:.1f} (other work makes the same CPU work take longer)")
    codec, peers = load_codec(OURS), list(rave_peer.CONFIGS) if rave_peer.installed() else []
    cells = our_cells(codec)
    for config in peers:
        cells |= rave_cells(config)
    rounds = rounds_of(cells)
    values = {place: median(one[place] for one in rounds) for place in cells}
    ratio_table(["ours", *peers], values)
    if peers:
        show_targets(rounds)
    else:
        print("\nRecorded earlier, not in this run:")
        recorded = {(name, str(c)): value for name, row in rave_peer.RECORDED.items() for c, value in row.items()}
        ratio_table(list(rave_peer.CONFIGS), recorded)
    show_starts(codec, peers)
    print("\n| block | latency, samples | deviation from offline, peak dBFS | RMS dBFS |\n|---|---|---|---|")
    for block in EXACT_BLOCKS:
        latency, peak, rms = deviation_dbfs(codec, block)
        print(f"| {block} | {latency} | {peak:.1f} | {rms:.1f} |", flush=True)


if __name__ == "__main__":
    main()
