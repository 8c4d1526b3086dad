"""A recording through the transfer node, its latency taken away."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from plugin_backend.codec import Codec
from plugin_backend.transfer.moments import Moments, sounding
from plugin_backend.transfer.node import TransferNode
from plugin_backend.transfer.target import Target
from render.apply.recording import SPARE_SAMPLES, blocks_of, exactly, resampled
from render.apply.settings import Settings
from render.spotting.slabs import Guide


def heard_in(guide: Guide, codec: Codec, mono: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of a recording's latents, each ``[dims]``, over all of its channels that sound."""
    spec, moments, waiting = codec.spec, Moments(codec.spec.latent_dim), None
    encoder = codec.encoder(1 if mono else guide.channels)
    for block in resampled(blocks_of(guide), guide.sample_rate, spec.sample_rate):
        fed = block.mean(axis=0, keepdims=True) if mono else block
        waiting = fed if waiting is None else np.concatenate([waiting, fed], axis=1)
        whole = waiting.shape[1] - waiting.shape[1] % spec.hop_samples
        if whole:
            z, loud = encoder.push(waiting[:, :whole])[0], sounding(waiting[:, :whole], spec.hop_samples)
            moments.add(z[loud])
            waiting = waiting[:, whole:]
    return moments.measured()


def node_for(guide: Guide, codec: Codec, targets: list[Target], settings: Settings) -> TransferNode:
    """The node, set; it has heard the recording through where that is wanted."""
    heard = None
    if not settings.running and any(target.matches for target in targets):
        heard = heard_in(guide, codec, settings.mono)
    node = TransferNode(codec, guide.channels, mono=settings.mono, heard=heard)
    for target, slot in zip(targets, "ab", strict=False):
        node.select(target, slot)
    for name, value in settings.controls.items():
        node.set(name, value)
    settings.set_latents(node)
    return node


def transferred(guide: Guide, codec: Codec, targets: list[Target], settings: Settings) -> Iterator[np.ndarray]:
    """The recording moved towards one target, or between two: its length, rate and channels, in blocks."""
    node, rate = node_for(guide, codec, targets, settings), codec.spec.sample_rate
    audio = _pushed(resampled(blocks_of(guide), guide.sample_rate, rate), node)
    return exactly(resampled(audio, rate, guide.sample_rate), guide.length_samples)


def _pushed(blocks: Iterator[np.ndarray], node: TransferNode) -> Iterator[np.ndarray]:
    drop, size = node.latency_samples, node.spec.hop_samples
    after = drop + SPARE_SAMPLES
    tail = (np.zeros((node.channels, min(size, after - at)), np.float32) for at in range(0, after, size))
    for source in (blocks, tail):
        for block in source:
            heard = node.push(block)
            yield heard[:, min(drop, heard.shape[1]) :]
            drop -= min(drop, heard.shape[1])
