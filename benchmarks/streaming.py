"""Measure what a block of a stream costs: the codec alone, the transfer node with and without a preset, and RAVE.

    python benchmarks/streaming.py            # prints the tables kept in docs/benchmarks.md

Results are microseconds per block on one thread. A round visits every cell once and pushes `SECONDS` of audio through
it, block by block, each timed by the thread's own CPU clock and by the wall clock; the cells of a block size come one
after another. Where other work shares the machine, trust the CPU time: the wall clock includes the other work. RAVE
(`benchmarks/rave_peer.py`) is measured if it can be imported; otherwise earlier figures are printed.
"""

# ruff: noqa: E402 (the path comes before the imports)

from __future__ import annotations

import argparse
import copy
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # this file must not be found as a package

import numpy as np
import torch

from benchmarks import rave_peer
from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.block_stream import BlockStream
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.target import Target
from plugin_backend.transfer.transfer_node import TransferNode
from presets.lookup import find_preset, target_of

RATE_HZ = 48_000
BLOCKS = (64, 128, 256, 512, 1024, 2048)
SECONDS, ROUNDS, WARM_S = 1.0, 12, 0.3
VOICE_BLOCK, VOICE_TURNS, MOST_VOICES = 512, 100, 256
PRESET = "amb-rain"
"""As long as a target gets: 1024 frames to blend with."""

CODEC, NODE, BLENDED = "codec", "node", "node, preset"
OURS = (CODEC, NODE, BLENDED)
Push = Callable[[np.ndarray], object]
Times = dict[tuple[str, int], list[tuple[float, float]]]
"""Who and block → (CPU, wall) seconds of every block."""


def noise(samples: int) -> np.ndarray:
    """Return bursts of noise that decay twice a second: ``[samples]`` float32."""
    fade = np.exp(-(np.arange(samples) % (RATE_HZ // 2)) / 4_000)
    return (np.random.default_rng(0).standard_normal(samples) * 0.2 * fade).astype(np.float32)


def node_of(codec: Codec, block: int, target: Target | None = None, channels: int = 1) -> TransferNode:
    """Return a node with every control at its default; ``blend`` is 0.5."""
    node = TransferNode(codec, channels, multiple_samples=block)
    if target is not None:
        node.select(target)
    return node


def our_push(who: str, codec: Codec, target: Target, block: int) -> Push:
    if who == CODEC:
        return BlockStream(codec, block).push
    node = node_of(codec, block, target if who == BLENDED else None)
    return lambda piece: node.push(piece[None])


def rave_push(script: torch.jit.ScriptModule) -> Push:
    own = copy.deepcopy(script)
    return lambda piece: own(torch.from_numpy(piece)[None, None]).numpy()


def timed(action: Callable[[], object]) -> tuple[float, float]:
    cpu, wall = time.thread_time(), time.perf_counter()
    action()
    return time.thread_time() - cpu, time.perf_counter() - wall


def pieces_of(block: int, seconds: float) -> np.ndarray:
    count = max(1, round(seconds * RATE_HZ / block))
    return noise(count * block).reshape(count, block)


def measured(pushes: dict[tuple[str, int], Push]) -> Times:
    """Measure all cells in every round, those of one block size one after another."""
    for (_, block), push in pushes.items():
        for piece in pieces_of(block, WARM_S):
            push(piece)
    times: Times = {cell: [] for cell in pushes}
    for _ in range(ROUNDS):
        for cell in sorted(pushes, key=lambda cell: cell[1]):
            push = pushes[cell]
            times[cell] += [timed(lambda push=push, piece=piece: push(piece)) for piece in pieces_of(cell[1], SECONDS)]
    return times


def shown(times: Times) -> None:
    print("\n| µs a block | block | CPU p50 | p99 | max | × real time | wall p50 | p99 | max |")
    print("|---|---" + "|---:" * 7 + "|")
    for (who, block), own in times.items():
        cpu, wall = 1e6 * np.array(own).T
        figures = [
            " | ".join(f"{value:.0f}" for value in (*np.percentile(each, (50, 99)), each.max())) for each in (cpu, wall)
        ]
        print(f"| {who} | {block} | {figures[0]} | {block / RATE_HZ * 1e6 / cpu.mean():.1f} | {figures[1]} |")


def ratios(times: Times) -> None:
    """Return RAVE's CPU time divided by ours at the same block size: in total, and of the 99th percentiles."""
    peers = [config for config in rave_peer.CONFIGS if any(who == config for who, _ in times)]
    if not peers:
        return
    print("\n| times as fast as | block |", " | ".join(OURS), "|\n|---|---|" + "---|" * len(OURS))
    for config in peers:
        for block in (block for block in BLOCKS if (config, block) in times):
            peer = np.array(times[config, block])[:, 0]
            cells = []
            for who in OURS:
                own = np.array(times[who, block])[:, 0]
                cells.append(
                    f"{peer.sum() / own.sum():.1f} (p99 {np.percentile(peer, 99) / np.percentile(own, 99):.1f})"
                )
            print(f"| {config} | {block} |", " | ".join(cells), "|")


def recorded() -> None:
    print("\nRAVE, recorded earlier, not in this run: CPU µs a block")
    for config, row in rave_peer.RECORDED.items():
        own = {block: value for block, value in row.items() if block in BLOCKS}
        print(f"- {config}:", ", ".join(f"{b}: {1e6 * value * b / RATE_HZ:.0f}" for b, value in own.items()))


def round_robin(fresh: Callable[[], Push]) -> Callable[[int], Callable[[], object]]:
    """For a number of voices: push one block through each, one after another."""

    def turn(voices: int) -> Callable[[], object]:
        pushes, piece = [fresh() for _ in range(voices)], pieces_of(VOICE_BLOCK, 0)[0]
        return lambda: [push(piece) for push in pushes]

    return turn


def codec_batch(codec: Codec) -> Callable[[int], Callable[[], object]]:
    """For a number of voices: call the encoder and the decoder once for all of them."""

    def turn(voices: int) -> Callable[[], object]:
        encoder, decoder = codec.encoder(voices), codec.decoder(voices)
        sound = np.repeat(pieces_of(VOICE_BLOCK, 0), voices, axis=0)
        return lambda: decoder.push(encoder.push(sound)[0])

    return turn


def node_batch(codec: Codec, target: Target | None) -> Callable[[int], Callable[[], object]]:
    """The same for a node with as many channels."""

    def turn(voices: int) -> Callable[[], object]:
        node, sound = node_of(codec, VOICE_BLOCK, target, voices), np.repeat(pieces_of(VOICE_BLOCK, 0), voices, axis=0)
        return lambda: node.push(sound)

    return turn


def voices_in_time(turn_of: Callable[[int], Callable[[], object]], clock: int) -> int:
    """Return the most voices of which 99 of 100 rounds take no longer than a block, by CPU (0) or wall (1) time."""

    def fits(voices: int) -> bool:
        turn = turn_of(voices)
        for _ in range(10):
            turn()
        own = np.array([timed(turn) for _ in range(VOICE_TURNS)])[:, clock]
        return bool(np.percentile(own, 99) <= VOICE_BLOCK / RATE_HZ)

    most = 0
    for step in (8, 4, 2, 1):
        while most + step <= MOST_VOICES and fits(most + step):
            most += step
    return most


@torch.inference_mode()
def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    torch.set_num_threads(1)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )
    print(f"load average {os.getloadavg()[0]:.1f}; preset {PRESET}, blend 0.5")
    codec = load_codec("foley")
    target = target_of(find_preset(PRESET), codec)
    peers = {}
    if rave_peer.installed():
        peers = {config: rave_peer.build(config, streaming=True) for config in rave_peer.CONFIGS}
    pushes = {(who, block): our_push(who, codec, target, block) for who in OURS for block in BLOCKS}
    pushes |= {
        (config, block): rave_push(script)
        for config, script in peers.items()
        for block in BLOCKS
        if block >= rave_peer.RATIO[config]
    }
    times = measured(pushes)
    shown(times)
    ratios(times)
    if not peers:
        recorded()
    ways = {
        "codec, one after another": round_robin(lambda: our_push(CODEC, codec, target, VOICE_BLOCK)),
        "node, one after another": round_robin(lambda: our_push(NODE, codec, target, VOICE_BLOCK)),
        "node with the preset, one after another": round_robin(lambda: our_push(BLENDED, codec, target, VOICE_BLOCK)),
        "codec, all in one call": codec_batch(codec),
        "node of as many channels": node_batch(codec, None),
        "node of as many channels, with the preset": node_batch(codec, target),
    }
    if "v2_small" in peers:
        ways["v2_small, one after another"] = round_robin(lambda: rave_push(peers["v2_small"]))
    print(f"\n| mono voices in one core at block {VOICE_BLOCK} | by CPU time | by the wall |\n|---|---|---|")
    for name, turn_of in ways.items():
        print(f"| {name} | {voices_in_time(turn_of, 0)} | {voices_in_time(turn_of, 1)} |", flush=True)


if __name__ == "__main__":
    main()
