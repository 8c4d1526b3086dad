"""A recording through the transfer node, or several beside one another; its latency taken away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from plugin_backend.audio_files import RecordingInfo
from plugin_backend.codecs.base import Codec
from plugin_backend.dsp.dc_offset import dc_filter_for
from plugin_backend.effects.stage import Stage
from plugin_backend.transfer.latent_mover import PAIR
from plugin_backend.transfer.parallel_nodes import TOTAL, ParallelNodes
from plugin_backend.transfer.running_statistics import RunningStatistics, audible_frames
from plugin_backend.transfer.settings import Settings
from plugin_backend.transfer.transfer_node import TransferNode
from render.apply.audio_blocks import SPARE_SAMPLES, cut_to_length, read_blocks, resample_blocks
from render.apply.preset_layers import Layer

TAIL_SAMPLES = 512
"""Of the silence pushed after the end, at a time."""

PRESET_CONTROLS = ("morph", "spherical", "weight")
"""Controls of the preset and what is summed with it; the others are of every layer too, or of the sum."""


def measure_latents(guide: RecordingInfo, codec: Codec, mono: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of a recording's latents, each ``[dims]``, over all of its channels that sound."""
    spec, moments, waiting = codec.spec, RunningStatistics(codec.spec.latent_dim), None
    channels = 1 if mono else guide.channels
    encoder, offset = codec.encoder(channels), dc_filter_for(codec, channels)
    for block in resample_blocks(read_blocks(guide), guide.sample_rate, spec.sample_rate):
        fed = block.mean(axis=0, keepdims=True) if mono else block
        waiting = fed if waiting is None else np.concatenate([waiting, fed], axis=1)
        whole = waiting.shape[1] - waiting.shape[1] % spec.hop_samples
        if whole:
            heard = offset.push(waiting[:, :whole]).astype(np.float32)
            moments.add(encoder.means(heard)[audible_frames(heard, spec.hop_samples)])
            waiting = waiting[:, whole:]
    return moments.measured()


def make_stage(guide: RecordingInfo, layers: Sequence[Layer], settings: Settings) -> Stage:
    """The node of one layer, or the nodes of several, set; they have heard the recording through where that is wanted.

    Raises:
        CheckpointError: several codecs of different sample rates.
        ProjectError: a latent that is not there.
    """
    heard: dict[str, tuple] = {}
    nodes = [_node(guide, layer, settings, heard) for layer in layers]
    settings.set_latents(nodes[0])
    whole = nodes[0] if len(nodes) == 1 else ParallelNodes(nodes)
    for name, value in settings.controls.items():
        if name in TOTAL or name in PRESET_CONTROLS:
            (whole if name in TOTAL else nodes[0]).set(name, value)
            continue
        for node in nodes:
            node.set(name, value)
    if len(nodes) > 1:
        for node, layer in zip(nodes, layers, strict=True):
            node.set("gain_db", layer.gain_db)
    return whole


def _node(guide: RecordingInfo, layer: Layer, settings: Settings, heard: dict[str, tuple]) -> TransferNode:
    codec, fingerprint = layer.codec, layer.codec.spec.fingerprint
    matches = not settings.running and any(target.matches for target in layer.targets.values())
    if matches and fingerprint not in heard:
        heard[fingerprint] = measure_latents(guide, codec, settings.mono)
    node = TransferNode(
        codec,
        guide.channels,
        mono=settings.mono,
        heard=heard[fingerprint] if matches else None,
        slots=PAIR + len(layer.weights),
        seed=settings.seed,
        width=settings.width,
    )
    for slot, target in layer.targets.items():
        node.select(target, slot)
    for slot, weight in layer.weights.items():
        node.set(f"weight.{slot}", weight)
    return node


def run_transfer(guide: RecordingInfo, layers: Sequence[Layer], settings: Settings) -> Iterator[np.ndarray]:
    """The recording moved as every layer says and added: its length, rate and channels, in blocks."""
    stage, rate = make_stage(guide, layers, settings), layers[0].codec.spec.sample_rate
    audio = _pushed(resample_blocks(read_blocks(guide), guide.sample_rate, rate), stage)
    return cut_to_length(resample_blocks(audio, rate, guide.sample_rate), guide.length_samples)


def _pushed(blocks: Iterator[np.ndarray], stage: Stage) -> Iterator[np.ndarray]:
    drop = stage.latency_samples
    after = drop + SPARE_SAMPLES
    tail = (
        np.zeros((stage.channels, min(TAIL_SAMPLES, after - at)), np.float32) for at in range(0, after, TAIL_SAMPLES)
    )
    for source in (blocks, tail):
        for block in source:
            heard = stage.push(block)
            yield heard[:, min(drop, heard.shape[1]) :]
            drop -= min(drop, heard.shape[1])
