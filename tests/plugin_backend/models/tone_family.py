"""A family of tones for tests: one vector is a whole sound, with or without the pitch of its note. Nothing is learned.

The vector holds the RMS of each third of the sound and, if the model has them, its pitch and its level.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from plugin_backend.codecs.base import Codec, CodecSpec, DecoderStream, EncoderStream

PARTS, LEAST = 3, 1e-6
MIDDLE_C_HZ = 440 * 2 ** (-9 / 12)
SPREAD = 0.02


class _Encoder(EncoderStream):
    def __init__(self, spec):
        self.spec = spec

    def push(self, audio):
        clips = audio.reshape(len(audio), -1, self.spec.hop_samples).astype(np.float64)
        rms = np.sqrt(np.square(clips.reshape(*clips.shape[:2], PARTS, -1)).mean(-1))
        means, deviations = rms, np.full(rms.shape, SPREAD)
        if self.spec.pitch_dim is not None:
            power = np.abs(np.fft.rfft(clips * np.hanning(clips.shape[-1]), 8 * clips.shape[-1]))
            hz = np.maximum(power.argmax(-1), 1) * self.spec.sample_rate / (8 * clips.shape[-1])
            level = np.log10(np.maximum(np.sqrt(np.square(clips).mean(-1)), LEAST))
            means = np.concatenate([rms, np.log2(hz / MIDDLE_C_HZ)[..., None], level[..., None]], -1)
            deviations = np.concatenate([deviations, np.zeros((*rms.shape[:2], 2))], -1)
        return means.astype(np.float32), deviations.astype(np.float32)


class _Decoder(DecoderStream):
    def __init__(self, spec):
        self.spec = spec

    def push(self, latents):
        z, hop = latents.astype(np.float64), self.spec.hop_samples
        octaves = np.zeros(z.shape[:2]) if self.spec.pitch_dim is None else z[..., self.spec.pitch_dim]
        phase = 2 * np.pi * MIDDLE_C_HZ / self.spec.sample_rate * 2.0 ** octaves[..., None] * np.arange(hop)
        gains = np.repeat(np.maximum(z[..., :PARTS], 0), hop // PARTS, axis=-1)
        return (np.sqrt(2) * gains * np.sin(phase)).reshape(len(z), -1).astype(np.float32)


class ToneCodec(Codec):
    def __init__(self, spec):
        self.spec = spec

    def encoder(self, batch=1):
        return _Encoder(self.spec)

    def decoder(self, batch=1, seeds=None, sides=None):
        return _Decoder(self.spec)

    def silence(self, frames):
        return np.repeat(self.encode(np.zeros((1, self.spec.hop_samples), np.float32)), frames, axis=1)


class ToneFamily:
    def computation(self):
        return None

    def read_spec(self, path):
        card = json.loads(path.with_suffix(".json").read_text())
        dims = PARTS + 2 * card["pitched"]
        pitch, level = (PARTS, PARTS + 1) if card["pitched"] else (None, None)
        fingerprint = hashlib.sha256(path.with_suffix(".json").read_bytes()).hexdigest()[:16]
        return CodecSpec(
            path.stem, fingerprint, card["rate"], card["hop"], dims, 0, "vector", pitch_dim=pitch, loudness_dim=level
        )

    def read_training(self, path):
        return {}

    def load_codec(self, path):
        return ToneCodec(self.read_spec(path))


FAMILY = ToneFamily()
NAME, MODULE = "tones", "tests.plugin_backend.models.tone_family"


def write_model(path: Path, rate: int, hop: int, pitched: bool) -> Path:
    """Write a model of the family; return its file."""
    assert hop % PARTS == 0
    save_file({"nothing": np.zeros(1, np.float32)}, path)
    card = {"family": NAME, "rate": rate, "hop": hop, "pitched": pitched}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


def tone(note: float, seconds: float, rate: int, level: float = 0.2, silence_s: float = 0.0) -> np.ndarray:
    """Return a note that decays, after a silence, ``[samples]`` float32."""
    at = np.arange(round(seconds * rate)) / rate
    sound = level * np.exp(-2 * at) * np.sin(2 * np.pi * MIDDLE_C_HZ * 2 ** ((note - 60) / 12) * at)
    return np.concatenate([np.zeros(round(silence_s * rate)), sound]).astype(np.float32)


def render_with_tones(*arguments) -> None:
    """Render stems in a process that knows the family."""
    from plugin_backend.models import registry
    from render.engine.render_worker import render_stems

    registry.FAMILIES[NAME] = MODULE
    render_stems(*arguments)
