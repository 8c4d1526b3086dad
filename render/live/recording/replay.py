"""Renders a live recording again: to the same samples, or as if no block had been late."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from plugin_backend.audio_files import AudioFile
from plugin_backend.errors import AudioFileError, CheckpointError, OutputError, PresetError, ProjectError
from plugin_backend.models.registry import load_codec
from plugin_backend.output_files import disk_error, make_folder, write_atomically
from plugin_backend.transfer.parameters import AXIS
from presets.bank import Bank, BankNames
from render.instrument.actions import SHED
from render.live.dropout_concealment import DropoutConcealment
from render.live.instrument import Instrument
from render.live.recording.control_log import CONTROL, INPUT, Header, Line, read_log
from render.live.rig import Rig
from render.wav.float_wav import float_file

BLOCKS_AT_ONCE = 256


def replay(folder: Path, out: Path, as_played: bool = True, bank: BankNames = None, model: str | None = None) -> Path:
    """Render a recording again, block for block, in constant memory.

    Args:
        folder: written by :class:`render.live.recording.recorder.Recorder`.
        out: a new float WAV file, as long as the input and, like ``output.wav``, later by the log's
            ``latency_samples``. It appears when it is complete.
        as_played: play the dry input where output was late; if false, no block is late.
        bank, model: used in place of the rig's.

    Returns:
        ``out``.

    Raises:
        ProjectError: the log cannot be read.
        CheckpointError, PresetError: the model, a preset or its axes have changed since the recording.
        AudioFileError: the input cannot be read.
        OutputError: ``out`` exists already, or cannot be written.
    """
    if out.exists():
        raise OutputError(f"{out}: is there already; give another name")
    header, lines = read_log(folder / CONTROL)
    _check_input(folder / INPUT, header)
    instrument = _instrument(header, lines, bank, model)
    if not as_played:
        lines = [line for line in lines if line.action is not None and line.action.control != SHED]
    with make_folder(out.parent):
        try:
            with (
                write_atomically(out) as temporary,
                float_file(temporary, header.sample_rate, header.rig.channels) as file,
            ):
                for block in _render(header, lines, instrument, _blocks(folder / INPUT, header)):
                    file.write(block.T)
        except OSError as problem:
            raise disk_error(problem, out.parent) from problem
        except (AssertionError, soundfile.LibsndfileError) as problem:  # soundfile asserts that everything was written
            raise OutputError(f"{out.parent}: cannot write {out.name} ({problem})") from problem
    return out


def _instrument(header: Header, lines: list[Line], bank: BankNames, model: str | None) -> Instrument:
    rig = header.rig
    codec = load_codec(model or rig.model)
    if codec.spec.fingerprint != header.fingerprint:
        raise CheckpointError(
            f"it was played with model '{rig.model}' ({header.fingerprint}), not with {codec.spec.fingerprint}"
        )
    presets = Bank(bank or rig.bank)
    digests = list(header.presets.items())
    digests += [(line.action.text, line.digest) for line in lines if line.action is not None and line.digest]
    instrument = Instrument(rig, codec, presets)
    for name, digest in dict.fromkeys(digests):
        if instrument.digest(name) != digest:
            raise PresetError(
                f"preset '{name}' in {presets.folder_list} is not what was played: it sounds different now"
            )
    if _uses_axes(rig, lines) and (instrument.axes.digest if instrument.axes else "") != header.axes:
        raise PresetError(f"the axes in {presets.folder_list} are not those that were played: it sounds different now")
    if header.latency_samples != header.ahead_blocks * header.block_samples + instrument.latency_samples:
        raise ProjectError(
            f"it was played with a latency of {header.latency_samples} samples; this version of Pisada has another"
        )
    return instrument


def _uses_axes(rig: Rig, lines: list[Line]) -> bool:
    moved = {line.action.control for line in lines if line.action is not None}
    return bool(rig.axes) or any(name.startswith(AXIS) for name in {*moved, *rig.a, *rig.b})


def _check_input(path: Path, header: Header) -> None:
    try:
        with AudioFile(path) as file:
            if (file.info.rate_hz, file.info.channels) != (header.sample_rate, header.rig.channels):
                raise AudioFileError("not of the log's rate and channels")
    except AudioFileError as problem:
        raise AudioFileError(f"{path}: {problem}") from problem


def _blocks(path: Path, header: Header) -> Iterator[np.ndarray]:
    """Yield the input's whole blocks."""
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            size = header.block_samples
            while len(frames := file.read(BLOCKS_AT_ONCE * size, dtype="float32", always_2d=True)) >= size:
                for at in range(0, len(frames) - size + 1, size):
                    yield frames[at : at + size].T
    except soundfile.LibsndfileError as problem:
        raise AudioFileError(f"{path}: {problem.error_string}") from problem


def _render(header: Header, lines: list[Line], instrument: Instrument, blocks: Iterator) -> Iterator[np.ndarray]:
    size, ahead = header.block_samples, header.ahead_blocks
    late = {first + n for line in lines if line.late for first, count in [line.late] for n in range(count)}
    skipped_spans = sorted(line.restart for line in lines if line.restart)
    for line in lines:
        if line.action is not None:
            instrument.act(line.action)
    failed = min((line.failed for line in lines if line.failed is not None), default=None)
    concealment = DropoutConcealment(header.rig.channels, size, header.latency_samples, header.sample_rate)
    silence = np.zeros((header.rig.channels, size), np.float32)
    outputs = [silence] * ahead
    for tag, block in enumerate(blocks):
        if skipped_spans and tag * size == skipped_spans[0][1]:
            instrument.skip(skipped_spans[0][1] - skipped_spans[0][0])
            skipped_spans.pop(0)
        skipped = bool(skipped_spans) and skipped_spans[0][0] <= tag * size
        skipped = skipped or (failed is not None and tag * size >= failed)
        outputs.append(silence if skipped else instrument.push(block))
        instrument.applied.clear()
        out = np.empty_like(silence)
        concealment.mix(block, None if tag in late else outputs[0], out)
        outputs.pop(0)
        yield out
