"""Make a version from the version before it: keep unchanged stems, and patch or render the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from render.delivery.incremental.diff import PATCH, RENDER, Changes
from render.delivery.incremental.patch_wav import Patch, copy_nonsilent
from render.delivery.output_stems import OutputStems
from render.engine.cue_audio import CueAudio
from render.engine.cue_decoding import Stopwatch
from render.engine.mix_span import mix_span
from render.engine.stream import Block, RenderStats
from render.plan.plan import Event, Plan, stem_layout
from render.project.channel_layout import Layout
from render.project.stem_names import SUM
from render.wav import riff as chunks
from render.wav.bext import MOMENT_OFFSET, moment_fields
from render.wav.stem_samples import StemSamples, WrittenStem, read_quantized
from render.wav.stem_statistics import BLOCK_SAMPLES
from render.wav.stem_writer import finish

SUM_SAMPLES = 16 * BLOCK_SAMPLES


def update_stems(
    plan: Plan,
    changes: Changes,
    before: Path,
    stems: OutputStems,
    render: Callable[[Plan], Generator[Block, None, None]],
    chunk_frames: int,
    stats: RenderStats,
) -> dict[str, WrittenStem]:
    """Write every file of a new version.

    Args:
        plan: the new version.
        changes: its differences from the version before.
        before: folder of the version before.
        stems: the new files.
        render: renders a plan that holds some of the stems.
        chunk_frames: latent frames decoded at a time.
        stats: gets the counts of cues.

    Returns:
        Stem name → written file.
    """
    stats.latencies.update(changes.latencies)
    written = _render(plan, changes, stems, render)
    cue_audio = CueAudio(plan, chunk_frames, Stopwatch())
    for stem in plan.stems:
        change = changes.stems[stem.name]
        if change.mode == RENDER:
            continue
        patch = _copy(stem.name, change.spans, changes, before, stems)
        if change.mode == PATCH:
            events = [event for event in plan.events if event.stem == stem.name]
            gain = 10 ** (stem.gain_db / 20)
            patch.write(
                piece for span in change.spans for piece in _remix(events, gain, span, patch.samples, cue_audio)
            )
        written[stem.name] = _finish(patch)
    written[SUM] = _sum(plan, changes, before, stems)
    stats.counts.add(cue_audio.counts)
    return written


def _render(
    plan: Plan, changes: Changes, stems: OutputStems, render: Callable[[Plan], Generator[Block, None, None]]
) -> dict[str, WrittenStem]:
    """Render the stems that cannot be kept or patched."""
    names = [stem.name for stem in plan.stems if changes.stems[stem.name].mode == RENDER]
    if not names:
        return {}
    part = replace(
        plan,
        stems=tuple(stem for stem in plan.stems if stem.name in names),
        events=tuple(event for event in plan.events if event.stem in names),
    )
    with ExitStack() as opened:
        writers = {name: opened.enter_context(stems.writer(name)) for name in names}
        for block in opened.enter_context(closing(render(part))):
            for name, writer in writers.items():
                writer.write(block.stems[name])
    return {name: writer.written for name, writer in writers.items()}


def _copy(name: str, spans: tuple[slice, ...], changes: Changes, before: Path, stems: OutputStems) -> Patch:
    """Copy a file of the version before, for patching some spans."""
    file, path, statistics = stems.files[name], stems.paths[name], changes.statistics[name]
    copy_nonsilent(before / changes.before[name], path, statistics, file)
    chunks.patch(path, b"bext", MOMENT_OFFSET, moment_fields(file.metadata.moment))
    return Patch(path, stems.samples(name), statistics, spans)


def _finish(patch: Patch) -> WrittenStem:
    statistics = patch.statistics()
    finish(patch.path, patch.samples.file, statistics)
    return WrittenStem(patch.samples.file, statistics)


def _remix(
    events: list[Event], gain: float, span: slice, samples: StemSamples, cue_audio: CueAudio
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield positions and delivered samples of a span, mixed block by block as in a complete render."""
    for position, block in mix_span(events, gain, span, samples.file.layout, cue_audio):
        yield position, samples.rendered(block[:, : span.stop - position], position)


def _sum(plan: Plan, changes: Changes, before: Path, stems: OutputStems) -> WrittenStem:
    """Write FOLEY from the stems that are on disk now."""
    bits, change = stems.files[SUM].bits, changes.sum
    with ExitStack() as opened:
        delivered = [
            (opened.enter_context(soundfile.SoundFile(os.fsencode(stems.paths[stem.name]))), stem_layout(stem))
            for stem in plan.stems
        ]
        if change.mode == RENDER:
            with stems.writer(SUM) as writer:
                for _, blocks in _delivered_blocks(delivered, slice(0, plan.length_samples), bits):
                    writer.write_sum(blocks)
            return writer.written
        patch = _copy(SUM, change.spans, changes, before, stems)
        patch.write(
            (at, patch.samples.summed(blocks, at))
            for span in change.spans
            for at, blocks in _delivered_blocks(delivered, span, bits)
        )
    return _finish(patch)


def _delivered_blocks(
    stems: list[tuple[soundfile.SoundFile, Layout]], span: slice, bits: int
) -> Iterator[tuple[int, list[tuple[np.ndarray, Layout]]]]:
    """Yield positions, and the delivered samples of each stem there with its layout."""
    for audio, _ in stems:
        audio.seek(span.start)
    for position in range(span.start, span.stop, SUM_SAMPLES):
        count = min(SUM_SAMPLES, span.stop - position)
        yield position, [(read_quantized(audio, count, bits), layout) for audio, layout in stems]
