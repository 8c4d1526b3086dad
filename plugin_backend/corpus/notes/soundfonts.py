"""Play the notes of a soundfont by fluidsynth: one process plays them all, one after another, and each is cut exactly.

A note begins at its slot's first sample, or up to 64 samples later: fluidsynth reads events every 64 samples. At the
end of its slot a note is cut off, so that it cannot be heard in the next.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plugin_backend.errors import AudioFileError, PisadaError

TICK_SAMPLES = 64
"""fluidsynth's own grid. One MIDI tick is one such step."""

RATE_UNIT_HZ, LARGEST_DIVISION = 50, 32_767
GAIN, FADE_S = 1.5, 0.02
PRESET_BYTES, MAX_HEADER_BYTES = 38, 2**20
NOT_A_SOUNDFONT = "not a soundfont; give an .sf2 or .sf3 file"


class PlayedNote(NamedTuple):
    """What to play: program from 0, MIDI note, velocity 1 to 127."""

    program: int
    pitch: int
    velocity: int


def programs_of(path: Path) -> list[int]:
    """Return the programs of a soundfont's first bank, in order.

    Raises:
        AudioFileError: the file is absent or no soundfont. The message names it.
    """
    try:
        with open(path, "rb") as file:
            records = _preset_records(file.read)
    except OSError as problem:
        raise AudioFileError(f"{path}: cannot be read ({problem.strerror})") from problem
    except (ValueError, struct.error) as problem:
        raise AudioFileError(f"{path}: {NOT_A_SOUNDFONT}") from problem
    rows = [struct.unpack_from("<20sHH", records, at) for at in range(0, len(records) - PRESET_BYTES, PRESET_BYTES)]
    programs = sorted({program for _, program, bank in rows if bank == 0 and program < 128})
    if not programs:
        raise AudioFileError(f"{path}: the soundfont has no program in its first bank")
    return programs


def _preset_records(read: Callable[[int], bytes]) -> bytes:
    """Return the records of the chunk ``phdr`` (SoundFont 2.04, 7.2), without reading the samples into memory."""
    head = read(12)
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk":
        raise ValueError
    while True:
        kind, size = struct.unpack("<4sI", read(8))
        if kind == b"LIST":
            name = read(4)
            if name == b"pdta":
                continue
            size -= 4
        elif kind == b"phdr":
            records = read(min(size, MAX_HEADER_BYTES))
            if len(records) != size or size % PRESET_BYTES:
                raise ValueError
            return records
        _skip(read, size + size % 2)


def _skip(read: Callable[[int], bytes], count: int) -> None:
    while count > 0:
        block = read(min(count, 1 << 20))
        if not block:
            raise ValueError
        count -= len(block)


def play_notes(
    soundfont: Path, notes: Sequence[PlayedNote], rate_hz: int, hold_s: float, decay_s: float
) -> Iterator[np.ndarray]:
    """Play notes, and yield each as mono float32, ``[samples]``, in their order.

    Args:
        soundfont: an .sf2 or .sf3 file.
        notes: what to play. A program that the soundfont lacks must not be among them.
        rate_hz: a multiple of 50.
        hold_s: how long a key is held, in seconds.
        decay_s: how long the note sounds after that, in seconds.

    Raises:
        PisadaError: fluidsynth is not installed.
        AudioFileError: fluidsynth cannot read the soundfont.
    """
    command = shutil.which("fluidsynth")
    if command is None:
        raise PisadaError("notes of soundfonts need fluidsynth (Debian: apt-get install fluidsynth)")
    held, slot = (round(seconds * rate_hz / TICK_SAMPLES) for seconds in (hold_s, hold_s + decay_s))
    options = f"-ni -q -R 0 -C 0 -g {GAIN} -r {rate_hz} -T raw -O float -E little -F -".split()
    options += ["-o", f"synth.default-soundfont={os.devnull}"]  # not another one in place of one that cannot be read
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder, open(Path(folder) / "messages", "w+b") as messages:
        midi = Path(folder) / "notes.mid"
        midi.write_bytes(_midi_file(notes, rate_hz, held, slot))
        words = [command, *options, str(soundfont.absolute()), str(midi)]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages)
        try:
            for audio in _slots(process, len(notes), slot * TICK_SAMPLES, round(FADE_S * rate_hz)):
                said = Path(messages.name).read_bytes()  # it goes on without a soundfont if it cannot load this one
                if audio is None or b"Failed to load" in said or b"not a SoundFont" in said:
                    raise AudioFileError(f"{soundfont}: fluidsynth cannot read it; {NOT_A_SOUNDFONT}")
                yield audio
        finally:
            process.kill()
            process.communicate()


def _slots(process: subprocess.Popen, count: int, samples: int, fade: int) -> Iterator[np.ndarray | None]:
    """Yield each note; ``None`` if fluidsynth ended before it."""
    ramp = np.linspace(1, 0, min(fade, samples), dtype=np.float32)
    for _ in range(count):
        data = process.stdout.read(samples * 8)  # type: ignore[union-attr]
        if len(data) < samples * 8:
            yield None
        mono = np.frombuffer(data, "<f4").reshape(-1, 2).mean(axis=1, dtype=np.float32)
        mono[-ramp.size :] *= ramp
        yield mono


def _midi_file(notes: Sequence[PlayedNote], rate_hz: int, held: int, slot: int) -> bytes:
    """Return a MIDI file with one note a slot; times in ticks of 64 samples.

    A quarter note has rate / 50 ticks and lasts 64 / 50 s: then a tick is 64 samples exactly.
    """
    division, quarter_us = rate_hz // RATE_UNIT_HZ, TICK_SAMPLES * 1_000_000 // RATE_UNIT_HZ
    if rate_hz % RATE_UNIT_HZ or not 0 < division <= LARGEST_DIVISION:
        raise ValueError(f"a rate of {rate_hz} Hz is no multiple of {RATE_UNIT_HZ} Hz")
    events, last = [b"\x00\xff\x51\x03" + quarter_us.to_bytes(3, "big")], 0
    for index, note in enumerate(notes):
        start = index * slot
        for at, data in (
            (start, bytes((0xB0, 120, 0))),  # the note before is cut off
            (start, bytes((0xC0, note.program))),
            (start, bytes((0x90, note.pitch, note.velocity))),
            (start + held, bytes((0x80, note.pitch, 0))),
        ):
            events.append(_variable_length(at - last) + data)
            last = at
    events.append(_variable_length((len(notes) + 1) * slot - last) + b"\xff\x2f\x00")
    track = b"".join(events)
    return struct.pack(">4sIHHH4sI", b"MThd", 6, 0, 1, division, b"MTrk", len(track)) + track


def _variable_length(number: int) -> bytes:
    """Return a number as MIDI files hold it: seven bits a byte."""
    out = [number & 127]
    while number := number >> 7:
        out.insert(0, number & 127 | 128)
    return bytes(out)
