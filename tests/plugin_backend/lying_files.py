"""Audio files whose headers state a wrong length or none, made from correct files."""

import io
import struct

import numpy as np
import soundfile

BITRATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
LOW_BITRATES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
FRAME_SAMPLES = {True: 1152, False: 576}


def hits(seconds: float, rate: int, seed: int = 0, channels: int = 1) -> np.ndarray:
    """Return a burst every half second from 0.25 s on, the first loud and the others soft, so that an encoder's frames
    differ.
    """
    audio = np.random.default_rng(seed).standard_normal((round(seconds * rate), channels)) * 1e-4
    decay = np.exp(-np.arange(rate // 4) / (0.03 * rate))[:, None]
    for number, at in enumerate(range(rate // 4, len(audio) - rate // 4, rate // 2)):
        audio[at : at + len(decay)] += (0.2 if number else 0.6) * decay * np.sign(audio[at : at + len(decay)])
    return audio


def encoded(audio: np.ndarray, rate: int, form: str, subtype: str | None = None, **options) -> bytes:
    """Return a file of that format, as libsndfile writes it."""
    file = io.BytesIO()
    soundfile.write(file, audio, rate, format=form, subtype=subtype, **options)
    return file.getvalue()


def mp3_frames(data: bytes) -> list[tuple[int, int]]:
    """Return position and size in bytes of each frame of a layer III stream without tags, from its headers (ISO/IEC
    11172-3).
    """
    frames, at = [], 0
    while at + 4 <= len(data):
        head = int.from_bytes(data[at : at + 4], "big")
        is_mpeg_1 = head >> 19 & 3 == 3
        rate = (44_100, 48_000, 32_000)[head >> 10 & 3] >> (0 if is_mpeg_1 else 1 if head >> 19 & 3 == 2 else 2)
        bits = (BITRATES if is_mpeg_1 else LOW_BITRATES)[head >> 12 & 15] * 1000
        size = FRAME_SAMPLES[is_mpeg_1] // 8 * bits // rate + (head >> 9 & 1)
        frames.append((at, size))
        at += size
    return frames


def mp3(seconds: float, rate: int = 44_100, seed: int = 0, channels: int = 1) -> bytes:
    """Return a file of variable bitrate with Xing's frame."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, channels, format="MP3", bitrate_mode="VARIABLE") as out:
        out.write(hits(seconds, rate, seed, channels))
    return file.getvalue()


def without_length(data: bytes) -> tuple[bytes, int]:
    """Return an MP3 file without Xing's frame, and its number of frames."""
    frames = mp3_frames(data)
    assert data[frames[0][0] :][: frames[0][1]].count(b"Xing") == 1
    return data[frames[1][0] :], len(frames) - 1


def patched(data: bytes, after: bytes, form: str, value: int, offset: int = 0) -> bytes:
    """Return the file with a number written ``offset`` bytes after the first ``after``."""
    changed = bytearray(data)
    struct.pack_into(form, changed, data.index(after) + len(after) + offset, value)
    return bytes(changed)


def flac_that_states(data: bytes, samples: int) -> bytes:
    """Return a FLAC file whose header states another length; 0: none."""
    numbers = int.from_bytes(data[18:26], "big") >> 36 << 36 | samples
    return data[:18] + numbers.to_bytes(8, "big") + data[26:]
