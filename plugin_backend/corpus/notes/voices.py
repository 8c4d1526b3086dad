"""Voices by espeak-ng: sung vowels and spoken words of several speakers, for the class ``vocal``."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from plugin_backend.audio_files import read_mono
from plugin_backend.errors import AudioFileError, PisadaError

SPEAKERS = ("en+m1", "en+f1", "en+m3", "en+f2", "en+m5", "en+f3", "en+m7", "en+f4")
"""The last is kept for tests, the one before for validation."""

VOWELS = ("[[a:]]", "[[e:]]", "[[i:]]", "[[o:]]", "[[u:]]")
WORDS = ("hello", "away", "moon", "river", "no")
PITCHES = (15, 50, 85)
SLOW, NORMAL = 80, 140
"""Words a minute; slow vowels last longer."""

SILENT = 1e-3


class Voice(NamedTuple):
    """A vowel or word, as it was spoken: number of the speaker and of the text, and the sound ``[samples]``."""

    speaker: int
    text: int
    audio: np.ndarray


def speak_all(rate_hz: int) -> Iterator[Voice]:
    """Yield every vowel and word of every speaker at three pitches, without silence at the ends.

    Args:
        rate_hz: sample rate of the sounds.

    Raises:
        PisadaError: espeak-ng is not installed.
        AudioFileError: espeak-ng failed.
    """
    command = shutil.which("espeak-ng")
    if command is None:
        raise PisadaError("voices need espeak-ng (Debian: apt-get install espeak-ng)")
    texts = [(text, SLOW) for text in VOWELS] + [(text, NORMAL) for text in WORDS]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "voice.wav"
        for speaker, voice in enumerate(SPEAKERS):
            for number, (text, speed) in enumerate(texts):
                for pitch in PITCHES:
                    words = [command, "-v", voice, "-p", str(pitch), "-s", str(speed), "-w", str(path), text]
                    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
                    if done.returncode or not path.is_file():
                        raise AudioFileError(f"espeak-ng failed with voice {voice}: {done.stderr.strip()[:200]}")
                    yield Voice(speaker, number, without_silence(read_mono(path, rate_hz)))
                    path.unlink()


def without_silence(audio: np.ndarray) -> np.ndarray:
    """Return a sound without what is more than 60 dB below full scale at its ends."""
    heard = np.flatnonzero(np.abs(audio) > SILENT)
    return audio[heard[0] : heard[-1] + 1] if heard.size else audio[:0]
