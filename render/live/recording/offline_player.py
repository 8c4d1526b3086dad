"""Plays without a device: a file or an array in place of the microphone, by the clock or as fast as possible.

A player made with ``threaded=False`` plays in virtual time: the worker processes between two callbacks, or, if it is
made to stall, a given number of callbacks later. Then nothing depends on the speed of the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import inspect_recording
from plugin_backend.errors import AudioFileError
from render.apply.audio_blocks import read_blocks, resample_blocks
from render.live.player import Player

IDLE_S = 2e-4


def blocks_from(
    source: np.ndarray | Path, channels: int, block_samples: int, sample_rate: int, tail_samples: int = 0
) -> Iterator[np.ndarray]:
    """Yield the whole blocks of a sound, then of silence.

    Args:
        source: audio ``[channels, n]``, or a recording of any rate. A mono recording goes to all channels; any other
            must have ``channels`` channels.
        channels: of every block.
        block_samples: of every block.
        sample_rate: of the blocks, in Hz.
        tail_samples: of silence at the end, at least.

    Yields:
        Blocks ``[channels, block_samples]`` float32.

    Raises:
        AudioFileError: the recording cannot be used, or has another number of channels.
    """
    waiting = np.zeros((channels, 0), np.float32)
    for piece in _pieces(source, channels, sample_rate):
        waiting = np.concatenate([waiting, piece], axis=1)
        while waiting.shape[1] >= block_samples:
            yield waiting[:, :block_samples]
            waiting = waiting[:, block_samples:]
    left = waiting.shape[1] + tail_samples
    waiting = np.pad(waiting, ((0, 0), (0, tail_samples + -left % block_samples)))
    for at in range(0, waiting.shape[1], block_samples):
        yield waiting[:, at : at + block_samples]


def _pieces(source: np.ndarray | Path, channels: int, sample_rate: int) -> Iterator[np.ndarray]:
    if isinstance(source, np.ndarray):
        yield np.asarray(source, np.float32)
        return
    guide = inspect_recording(source)
    if guide.channels not in (1, channels):
        raise AudioFileError(f"{source}: {guide.channels} channels; 1 or {channels} can be played here")
    for piece in resample_blocks(read_blocks(guide), guide.sample_rate, sample_rate):
        yield np.repeat(piece, channels // guide.channels, axis=0)


def play_through(
    player: Player,
    blocks: Iterable[np.ndarray],
    sample_rate: int | None = None,
    on_block: Callable[[np.ndarray], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    stalls: Mapping[int, int] | None = None,
) -> np.ndarray:
    """Call ``player.play`` for every block.

    Args:
        player: plays.
        blocks: the input, ``[channels, block_samples]`` each.
        sample_rate: follow the clock of a device of this rate; ``None``: as fast as possible.
        on_block: receives each output block, which is valid only during the call.
        stop: called before each block; playing ends when it returns true.
        stalls: in virtual time, block number → how many callbacks later the worker processes it.

    Returns:
        The whole output ``[channels, n]``; empty if ``on_block`` is given.
    """
    played: list[np.ndarray] = []
    on_block = on_block or (lambda block: played.append(block.copy()))
    out: np.ndarray | None = None
    began, ready_at = time.perf_counter(), 0
    for tag, block in enumerate(blocks):
        if stop():
            break
        if sample_rate:
            time.sleep(max(0.0, began + tag * block.shape[1] / sample_rate - time.perf_counter()))
        out = np.empty_like(block, np.float32) if out is None else out
        player.play(block, out)
        on_block(out)
        if not player.threaded:
            ready_at = max(ready_at, tag + (stalls or {}).get(tag, 0))
            while tag >= ready_at and player.work():
                pass
        elif not sample_rate:
            while not player.idle:
                time.sleep(IDLE_S)
    return np.concatenate(played, axis=1) if played else np.zeros((0, 0), np.float32)
