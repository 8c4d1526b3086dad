"""Tiny models of the family: random ones, and ones whose network returns what it gets."""

from dataclasses import replace

import torch

from plugin_backend.models.mclt_vae import checkpoint
from plugin_backend.models.mclt_vae.config import CONFIGURATIONS
from plugin_backend.models.mclt_vae.model import MclVae

KINDS = ["2d-mclt", "3d-mclt", "complex-mclt", "magnitude-mclt", "complex-stft", "magnitude-stft"]
SIZES = {"bins": 16, "frames": 8, "fade_samples": 16, "latent": 6, "layers": ((4, 3, 2, 2), (3, 3, 2, 1))}


def tiny_config(name="complex-mclt", **changes):
    return replace(CONFIGURATIONS[name], **{**SIZES, **changes})


def tiny_model(name="complex-mclt", seed=0, **changes):
    torch.manual_seed(seed)
    return MclVae(tiny_config(name, **changes)).eval()


@torch.no_grad()
def identity_model(name):
    """Return a model whose network decodes exactly the image that it encodes."""
    config = tiny_config(name, layers=((2, 1, 1, 1),))
    channels, height, width = config.image
    numbers = channels * height * width
    model = tiny_model(name, layers=((2 * channels, 1, 1, 1),), latent=numbers)
    signs = torch.cat([torch.eye(channels), -torch.eye(channels)])
    for half in (model.encoder.convolutions[0], model.decoder.convolutions[0]):
        half.weight.copy_(signs[..., None, None])
    both = torch.cat([torch.eye(numbers), -torch.eye(numbers)])
    model.encoder.head.weight.zero_()
    model.encoder.head.weight[:numbers] = both.T.to(model.encoder.head.weight.dtype)
    model.decoder.linears[0].weight.copy_(both)
    return model


def saved(model, folder, training=None):
    path = folder / "tiny.safetensors"
    checkpoint.save(model, path, training or {})
    return path
