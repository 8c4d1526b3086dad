"""A second model family for tests: one latent vector per sound, two tiny linear layers, no state between blocks."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from plugin_backend.codecs.base import Codec, CodecSpec, DecoderStream, EncoderStream
from plugin_backend.models.family import DecodedTwice

RATE, HOP, DIM = 48_000, 16_384, 4


class ToyModel(nn.Module):
    """The mean power of ``DIM`` parts of a sound → as many gains of a fixed tone."""

    def __init__(self):
        super().__init__()
        self.config = SimpleNamespace(sample_rate=RATE, hop=HOP, latent_dim=DIM, latency=0)
        self.encoder, self.decoder = nn.Linear(DIM, DIM), nn.Linear(DIM, DIM)

    def encode(self, audio):
        return self.encoder(audio.reshape(len(audio), -1, DIM, HOP // DIM).square().mean(-1).sqrt())

    def decode(self, latents):
        tone = torch.sin(torch.arange(HOP // DIM, device=latents.device) * 0.1)
        return (self.decoder(latents)[..., None] * tone).flatten(1)


class _Encoder(EncoderStream):
    def __init__(self, model):
        self.model = model

    @torch.inference_mode()
    def push(self, audio):
        means = self.model.encode(torch.from_numpy(np.ascontiguousarray(audio, np.float32))).numpy()
        return means, np.zeros_like(means)


class _Decoder(DecoderStream):
    def __init__(self, model):
        self.model = model

    @torch.inference_mode()
    def push(self, latents):
        return self.model.decode(torch.from_numpy(np.ascontiguousarray(latents, np.float32))).numpy()


class ToyCodec(Codec):
    def __init__(self, spec, model):
        self.spec, self.model = spec, model

    def encoder(self, batch=1):
        return _Encoder(self.model)

    def decoder(self, batch=1, seeds=None, sides=None):
        return _Decoder(self.model)

    def silence(self, frames):
        return np.repeat(self.encode(np.zeros((1, HOP), np.float32)), frames, axis=1)


class ToyFamily:
    sample_rate = RATE

    def computation(self):
        return None

    def read_spec(self, path):
        fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        return CodecSpec(path.stem, fingerprint, RATE, HOP, DIM, 0, layout="vector")

    def read_training(self, path):
        return json.loads(path.with_suffix(".json").read_text())["training"]

    def load_codec(self, path):
        return ToyCodec(self.read_spec(path), self.load_model(path))

    def new_model(self):
        return ToyModel()

    def load_model(self, path):
        model = ToyModel()
        model.load_state_dict(load_file(path))
        return model.eval()

    def save_model(self, model, path, training):
        save_file(model.state_dict(), path)
        path.with_suffix(".json").write_text(json.dumps({"family": "toy", "training": training}))

    def decode_twice(self, model, audio, draws, frozen, precision):
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            latents = model.encode(audio)
        decoded = model.decode(latents)
        zero = latents.square().mean() * 0
        return DecodedTwice(decoded, decoded * 1.01, audio, zero, zero)

    def calibrate(self, model, batches):
        return {"measured": len(batches)}


FAMILY = ToyFamily()
