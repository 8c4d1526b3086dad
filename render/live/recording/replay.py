"""What was recorded live, rendered again: the same samples, or as they would have been had nothing been late."""

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
from presets.bank import Bank, BankNames
from render.instrument.actions import SHED
from render.live.dropout_concealment import DropoutConcealment
from render.live.instrument import Instrument
from render.live.recording.control_log import CONTROL, INPUT, Header, Line, read_log
from render.wav.float_wav import float_file

BLOCKS_AT_ONCE = 256


def replay(folder: Path, out: Path, as_played: bool = True, bank: BankNames = None, model: str | None = None) -> Path:
    """Render a recording again, block for block, in constant memory.

    Args:
        folder: of :class:`render.live.recording.recorder.Recorder`.
        out: a float WAV file, as long as the input and, like ``output.wav``, late by the log's ``latency_samples``; it
            appears when whole.
        as_played: dry where answers were late; else nothing is.
        bank, model: instead of the rig's.

    Raises:
        ProjectError: the log cannot be read.
        CheckpointError, PresetError: the model or a preset is not what it was.
        AudioFileError: the input cannot be read.
        OutputError: ``out`` is there already, or cannot be written.
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
                for block in _rendered(header, lines, instrument, _blocks(folder / INPUT, header)):
                    file.write(block.T)
        except OSError as problem:
            raise disk_error(problem, out.parent) from problem
        except (AssertionError, soundfile.LibsndfileError) as problem:  # soundfile asserts that all was written
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
    wanted = list(header.presets.items())
    wanted += [(line.action.text, line.digest) for line in lines if line.action is not None and line.digest]
    instrument = Instrument(rig, codec, presets)
    for name, digest in dict.fromkeys(wanted):
        if instrument.digest(name) != digest:
            raise PresetError(f"preset '{name}' in {presets.told} is not what was played: it sounds different now")
    if header.latency_samples != header.ahead_blocks * header.block_samples + instrument.latency_samples:
        raise ProjectError(
            f"it was played with a latency of {header.latency_samples} samples; this edition has another"
        )
    return instrument


def _check_input(path: Path, header: Header) -> None:
    try:
        with AudioFile(path) as file:
            if (file.info.rate_hz, file.info.channels) != (header.sample_rate, header.rig.channels):
                raise AudioFileError("not of the log's rate and channels")
    except AudioFileError as problem:
        raise AudioFileError(f"{path}: {problem}") from problem


def _blocks(path: Path, header: Header) -> Iterator[np.ndarray]:
    """The input's whole blocks."""
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            size = header.block_samples
            while len(frames := file.read(BLOCKS_AT_ONCE * size, dtype="float32", always_2d=True)) >= size:
                for at in range(0, len(frames) - size + 1, size):
                    yield frames[at : at + size].T
    except soundfile.LibsndfileError as problem:
        raise AudioFileError(f"{path}: {problem.error_string}") from problem


def _rendered(header: Header, lines: list[Line], instrument: Instrument, blocks: Iterator) -> Iterator[np.ndarray]:
    size, ahead = header.block_samples, header.ahead_blocks
    late = {first + n for line in lines if line.late for first, count in [line.late] for n in range(count)}
    left_out = sorted(line.restart for line in lines if line.restart)
    for line in lines:
        if line.action is not None:
            instrument.act(line.action)
    failed = min((line.failed for line in lines if line.failed is not None), default=None)
    fallback = DropoutConcealment(header.rig.channels, size, header.latency_samples, header.sample_rate)
    silence = np.zeros((header.rig.channels, size), np.float32)
    answers = [silence] * ahead
    for tag, block in enumerate(blocks):
        if left_out and tag * size == left_out[0][1]:
            instrument.skip(left_out[0][1] - left_out[0][0])
            left_out.pop(0)
        skipped = bool(left_out) and left_out[0][0] <= tag * size
        skipped = skipped or (failed is not None and tag * size >= failed)
        answers.append(silence if skipped else instrument.push(block))
        instrument.taken.clear()
        out = np.empty_like(silence)
        fallback.mix(block, None if tag in late else answers[0], out)
        answers.pop(0)
        yield out
