"""Make a version from the one before it: keep the stems that are as they were, patch or render the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from render.delivery.incremental.diff import PATCH, RENDER, Changes, StemChange
from render.delivery.incremental.patch_wav import Patch, copy_nonsilent
from render.engine.cue_audio import CueAudio
from render.engine.cue_decoding import Stopwatch
from render.engine.mixing import StemMixer, Voice
from render.engine.stream import Block, RenderStats
from render.plan.plan import Event, Plan
from render.project.channel_layout import LAYOUTS
from render.project.project import SUM
from render.wav import riff as chunks
from render.wav.bext import MOMENT_OFFSET, moment_fields
from render.wav.quantize_dither import dither_of
from render.wav.stem_samples import StemFile, StemSamples, WrittenStem, read_quantized
from render.wav.stem_statistics import BLOCK_SAMPLES
from render.wav.stem_writer import StemWriter, finish

SUM_SAMPLES = 16 * BLOCK_SAMPLES


def update_stems(
    plan: Plan,
    changes: Changes,
    before: Path,
    targets: dict[str, Path],
    files: dict[str, StemFile],
    seed: int,
    chunk_frames: int,
    rendered: Callable[[Plan], Iterator[Block]],
    stats: RenderStats,
) -> dict[str, WrittenStem]:
    """Write every file of a new version.

    Args:
        before: the folder of the version before.
        targets: stem name → where, FOLEY among them.
        files: stem name → what it is.
        seed: the project's.
        chunk_frames: latent frames decoded at a time.
        rendered: renders a plan of some stems.
        stats: gets the cues counted.
    """
    stats.latencies.update(changes.latencies)
    written = _render(plan, changes, targets, files, seed, rendered)
    sounds = CueAudio(plan, chunk_frames, Stopwatch())
    for stem in plan.stems:
        change = changes.stems[stem.name]
        if change.mode == RENDER:
            continue
        patch = _copied(stem.name, change, changes, before, targets, files, seed)
        if change.mode == PATCH:
            events = [event for event in plan.events if event.stem == stem.name]
            gain = 10 ** (stem.gain_db / 20)
            patch.write(piece for span in change.spans for piece in _remixed(events, gain, span, patch.samples, sounds))
        written[stem.name] = _finished(patch)
    written[SUM] = _sum(plan, changes, before, targets, files)
    stats.counts.add(sounds.counts)
    return written


def _render(plan: Plan, changes: Changes, targets, files, seed: int, rendered) -> dict[str, WrittenStem]:
    names = [stem.name for stem in plan.stems if changes.stems[stem.name].mode == RENDER]
    if not names:
        return {}
    part = replace(
        plan,
        stems=tuple(stem for stem in plan.stems if stem.name in names),
        events=tuple(event for event in plan.events if event.stem in names),
    )
    with ExitStack() as opened:
        writers = {
            name: opened.enter_context(StemWriter(targets[name], files[name], dither_of(files[name].bits, name, seed)))
            for name in names
        }
        for block in opened.enter_context(closing(rendered(part))):
            for name, writer in writers.items():
                writer.write(block.stems[name])
    return {name: WrittenStem(files[name], writer.trail) for name, writer in writers.items()}


def _copied(name: str, change: StemChange, changes: Changes, before: Path, targets, files, seed: int) -> Patch:
    file, trail = files[name], changes.trails[name]
    copy_nonsilent(before / changes.before[name], targets[name], trail, file)
    chunks.patch(targets[name], b"bext", MOMENT_OFFSET, moment_fields(file.slate.moment))
    return Patch(targets[name], StemSamples(file, dither_of(file.bits, name, seed)), trail, change.spans)


def _finished(patch: Patch) -> WrittenStem:
    trail = patch.trail()
    finish(patch.path, patch.samples.file, trail)
    return WrittenStem(patch.samples.file, trail)


def _remixed(
    events: list[Event], gain: float, span: slice, samples: StemSamples, sounds: CueAudio
) -> Iterator[tuple[int, np.ndarray]]:
    """Positions and delivered samples of a stretch, mixed block by block as a whole render mixes them."""
    layout = samples.file.layout
    here = [event for event in events if event.start_samples < span.stop and span.start < event.end_samples]
    mixer = StemMixer(here, gain, lambda event: Voice(event, sounds.of(event), layout))
    for position in range(span.start, span.stop, BLOCK_SAMPLES):
        block = np.zeros((layout.channels, BLOCK_SAMPLES), np.float32)
        mixer.fill(position, block[: layout.sounding])
        yield position, samples.rendered(block[:, : span.stop - position], position)


def _sum(plan: Plan, changes: Changes, before: Path, targets, files) -> WrittenStem:
    """FOLEY, from the stems as they are on disk by now."""
    file, change = files[SUM], changes.sum
    with ExitStack() as opened:
        stems = [
            (opened.enter_context(soundfile.SoundFile(os.fsencode(targets[stem.name]))), LAYOUTS[stem.layout])
            for stem in plan.stems
        ]
        if change.mode == RENDER:
            with StemWriter(targets[SUM], file) as writer:
                for _, sounds in _delivered(stems, slice(0, plan.length_samples), file.bits):
                    writer.write_sum(sounds)
            return WrittenStem(file, writer.trail)
        patch = _copied(SUM, change, changes, before, targets, files, 0)
        patch.write(
            (at, patch.samples.summed(sounds, at))
            for span in change.spans
            for at, sounds in _delivered(stems, span, file.bits)
        )
    return _finished(patch)


def _delivered(stems: list, span: slice, bits: int) -> Iterator[tuple[int, list]]:
    """Positions, and each stem's samples there as its writer answered them, with its layout."""
    for audio, _ in stems:
        audio.seek(span.start)
    for position in range(span.start, span.stop, SUM_SAMPLES):
        count = min(SUM_SAMPLES, span.stop - position)
        yield position, [(read_quantized(audio, count, bits), layout) for audio, layout in stems]
