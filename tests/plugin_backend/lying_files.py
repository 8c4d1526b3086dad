"""Audio files whose headers say less, more or nothing of their length, made from right ones."""

import io
import struct

import numpy as np
import soundfile

BITRATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
LOW_BITRATES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
FRAME_SAMPLES = {True: 1152, False: 576}


def hits(seconds: float, rate: int, seed: int = 0, channels: int = 1) -> np.ndarray:
    """A burst every half second from 0.25 s on, the first loud and the others soft: an encoder's frames differ."""
    audio = np.random.default_rng(seed).standard_normal((round(seconds * rate), channels)) * 1e-4
    decay = np.exp(-np.arange(rate // 4) / (0.03 * rate))[:, None]
    for number, at in enumerate(range(rate // 4, len(audio) - rate // 4, rate // 2)):
        audio[at : at + len(decay)] += (0.2 if number else 0.6) * decay * np.sign(audio[at : at + len(decay)])
    return audio


def encoded(audio: np.ndarray, rate: int, form: str, subtype: str | None = None, **how) -> bytes:
    """A file of that format, as libsndfile writes it."""
    file = io.BytesIO()
    soundfile.write(file, audio, rate, format=form, subtype=subtype, **how)
    return file.getvalue()


def mp3_frames(data: bytes) -> list[tuple[int, int]]:
    """Place and size in bytes of each frame of a layer III stream without tags, by its headers (ISO/IEC 11172-3)."""
    found, at = [], 0
    while at + 4 <= len(data):
        head = int.from_bytes(data[at : at + 4], "big")
        first = head >> 19 & 3 == 3
        rate = (44_100, 48_000, 32_000)[head >> 10 & 3] >> (0 if first else 1 if head >> 19 & 3 == 2 else 2)
        bits = (BITRATES if first else LOW_BITRATES)[head >> 12 & 15] * 1000
        size = FRAME_SAMPLES[first] // 8 * bits // rate + (head >> 9 & 1)
        found.append((at, size))
        at += size
    return found


def mp3(seconds: float, rate: int = 44_100, seed: int = 0, channels: int = 1) -> bytes:
    """A file of variable bitrate with Xing's frame."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, channels, format="MP3", bitrate_mode="VARIABLE") as out:
        out.write(hits(seconds, rate, seed, channels))
    return file.getvalue()


def without_length(data: bytes) -> tuple[bytes, int]:
    """An MP3 file without Xing's frame, and how many frames it has."""
    frames = mp3_frames(data)
    assert data[frames[0][0] :][: frames[0][1]].count(b"Xing") == 1
    return data[frames[1][0] :], len(frames) - 1


def patched(data: bytes, after: bytes, form: str, value: int, offset: int = 0) -> bytes:
    """The file with a number written ``offset`` bytes after the first ``after``."""
    changed = bytearray(data)
    struct.pack_into(form, changed, data.index(after) + len(after) + offset, value)
    return bytes(changed)


def flac_that_states(data: bytes, samples: int) -> bytes:
    """A FLAC file whose header states another length; 0: none."""
    numbers = int.from_bytes(data[18:26], "big") >> 36 << 36 | samples
    return data[:18] + numbers.to_bytes(8, "big") + data[26:]
