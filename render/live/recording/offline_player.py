"""Playing without a device: a file or an array for a microphone, by the clock or as fast as answers come.

A player made with ``threaded=False`` plays in virtual time: the worker answers between two callbacks, or, where it is
told to stall, so many callbacks later. Nothing then depends on how fast the machine is.
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
    """Whole blocks ``[channels, block_samples]`` of a sound, then of silence, ``tail_samples`` at least.

    Args:
        source: ``[channels, n]``, or a recording of any rate; of one channel it goes to all, of others its number must
            be ``channels``.

    Raises:
        AudioFileError: the recording cannot be used, or has other channels.
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
    heard: Callable[[np.ndarray], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    stalls: Mapping[int, int] | None = None,
) -> np.ndarray:
    """Call ``player.play`` for every block.

    Args:
        sample_rate: by the clock of a device of this rate; else as fast as answers come.
        heard: gets each block played, to be used at once; without it all is answered, ``[channels, n]``.
        stop: asked before each block.
        stalls: in virtual time, block → how many callbacks later the worker comes to it.
    """
    kept: list[np.ndarray] = []
    heard = heard or (lambda block: kept.append(block.copy()))
    out, began, ready_at = None, time.perf_counter(), 0
    for tag, block in enumerate(blocks):
        if stop():
            break
        if sample_rate:
            time.sleep(max(0.0, began + tag * block.shape[1] / sample_rate - time.perf_counter()))
        out = np.empty_like(block, np.float32) if out is None else out
        player.play(block, out)
        heard(out)
        if not player.threaded:
            ready_at = max(ready_at, tag + (stalls or {}).get(tag, 0))
            while tag >= ready_at and player.work():
                pass
        elif not sample_rate:
            while not player.idle:
                time.sleep(IDLE_S)
    return np.concatenate(kept, axis=1) if kept else np.zeros((0, 0), np.float32)
