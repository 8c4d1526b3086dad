"""Run a recording through one transfer node or several side by side, without their latency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from plugin_backend.audio_files import RecordingInfo
from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.dc_offset import dc_filter_for
from plugin_backend.effects.stage import Stage
from plugin_backend.transfer.latent_mover import PAIR
from plugin_backend.transfer.parallel_nodes import TOTAL, ParallelNodes
from plugin_backend.transfer.running_statistics import RunningStatistics, audible_frames
from plugin_backend.transfer.settings import Settings
from plugin_backend.transfer.transfer_node import NoiseSettings, TransferNode
from render.apply.audio_blocks import SPARE_SAMPLES, cut_to_length, read_blocks, resample_blocks
from render.apply.preset_layers import Layer

TAIL_SAMPLES = 512
"""Samples of silence pushed at a time after the end."""

PRESET_CONTROLS = ("morph", "spherical", "weight")
"""Controls of the first preset and the presets summed with it.

The other controls apply to every layer or to the sum.
"""


def measure_latents(recording: RecordingInfo, codec: Codec, mono: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of a recording's latents, each ``[dims]``, over all channels that are audible.

    Args:
        recording: the audio file.
        codec: encodes it.
        mono: mix the channels first.
    """
    spec, statistics, buffered = codec.spec, RunningStatistics(codec.spec.latent_dim), None
    channels = 1 if mono else recording.channels
    encoder, offset = codec.encoder(channels), dc_filter_for(codec, channels)
    for block in resample_blocks(read_blocks(recording), recording.sample_rate, spec.sample_rate):
        input_block = block.mean(axis=0, keepdims=True) if mono else block
        buffered = input_block if buffered is None else np.concatenate([buffered, input_block], axis=1)
        whole = buffered.shape[1] - buffered.shape[1] % spec.hop_samples
        if whole:
            filtered = offset.push(buffered[:, :whole]).astype(np.float32)
            statistics.add(encoder.means(filtered)[audible_frames(filtered, spec.hop_samples)])
            buffered = buffered[:, whole:]
    return statistics.mean_and_deviation()


def make_stage(recording: RecordingInfo, layers: Sequence[Layer], settings: Settings) -> Stage:
    """Return the node of one layer, or the nodes of several, with all controls set.

    If the settings need it, the recording's latents are measured first.

    Args:
        recording: the audio file.
        layers: the presets.
        settings: mode, controls and latents.

    Raises:
        CheckpointError: several codecs of different sample rates.
        ProjectError: a latent that does not exist.
    """
    measured: dict[str, tuple] = {}
    nodes = [_node(recording, layer, settings, measured) for layer in layers]
    settings.set_latents(nodes[0])
    stage = nodes[0] if len(nodes) == 1 else ParallelNodes(nodes)
    for name, value in settings.controls.items():
        if name in TOTAL or name in PRESET_CONTROLS:
            (stage if name in TOTAL else nodes[0]).set(name, value)
            continue
        for node in nodes:
            node.set(name, value)
    if len(nodes) > 1:
        for node, layer in zip(nodes, layers, strict=True):
            node.set("gain_db", layer.gain_db)
    return stage


def _node(recording: RecordingInfo, layer: Layer, settings: Settings, measured: dict[str, tuple]) -> TransferNode:
    codec, fingerprint = layer.codec, layer.codec.spec.fingerprint
    matches = not settings.running and any(target.matches for target in layer.targets.values())
    if matches and fingerprint not in measured:
        measured[fingerprint] = measure_latents(recording, codec, settings.mono)
    node = TransferNode(
        codec,
        recording.channels,
        mono=settings.mono,
        statistics=measured[fingerprint] if matches else None,
        slots=PAIR + len(layer.weights),
        noise=NoiseSettings(settings.seed, settings.width),
    )
    for slot, target in layer.targets.items():
        node.select(target, slot)
    for slot, weight in layer.weights.items():
        node.set(f"weight.{slot}", weight)
    return node


def run_transfer(recording: RecordingInfo, layers: Sequence[Layer], settings: Settings) -> Iterator[np.ndarray]:
    """Yield the recording, transformed by every layer and summed, in blocks of its length, rate and channels.

    Args:
        recording: the audio file.
        layers: the presets.
        settings: mode, controls and latents.
    """
    stage, rate = make_stage(recording, layers, settings), layers[0].codec.spec.sample_rate
    audio = _push(resample_blocks(read_blocks(recording), recording.sample_rate, rate), stage)
    return cut_to_length(resample_blocks(audio, rate, recording.sample_rate), recording.length_samples)


def _push(blocks: Iterator[np.ndarray], stage: Stage) -> Iterator[np.ndarray]:
    drop = stage.latency_samples
    after = drop + SPARE_SAMPLES
    tail = (
        np.zeros((stage.channels, min(TAIL_SAMPLES, after - at)), np.float32) for at in range(0, after, TAIL_SAMPLES)
    )
    for source in (blocks, tail):
        for block in source:
            output = stage.push(block)
            yield output[:, min(drop, output.shape[1]) :]
            drop -= min(drop, output.shape[1])
