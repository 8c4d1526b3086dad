"""Import a RAVE TorchScript export: check it, measure it, write its card, and remember that it is trusted."""

from __future__ import annotations

import copy
import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plugin_backend.errors import CheckpointError
from plugin_backend.models.rave.card import SUFFIX, RaveCard, read_model, save_card, trust_model

if TYPE_CHECKING:
    import torch

    from plugin_backend.models.rave.codec import RaveCodec

SETTLED_SAMPLES = 65_536
"""After so much silence the model has practically forgotten the start of the sound."""

IMPULSES, IMPULSE_AFTER_FRAMES, RESPONSE_SAMPLES = 8, 4, 16_384
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def import_rave(path: Path, trusted: bool, name: str | None = None) -> Path:
    """Import a RAVE export and return the path of its card, beside it.

    Args:
        path: the TorchScript file, exported with ``--streaming``.
        trusted: whether the user accepts the risk: a TorchScript file runs code when it is loaded.
        name: the model's name in presets; by default the file's.

    Raises:
        CheckpointError: it is not trusted, not a RAVE export, or not a streaming one.
        OutputError: the card or the list of trusted files cannot be written.
    """
    name = name if name is not None else re.sub(r"[^a-z0-9_.-]+", "-", path.stem.lower()).strip("-_.")
    if not NAME.fullmatch(name):
        raise CheckpointError(
            f"'{name}' cannot be a model's name: use a-z, 0-9, '_', '-' and '.', at most 64 characters; give --name"
        )
    if not trusted:
        raise CheckpointError(f"{path}: a TorchScript file can run any code as you; give --trust if you know its maker")
    data, sha256 = read_model(path)
    from plugin_backend.models.rave.torchscript import load_script

    card = card_of(load_script(data, path.name), path.name, name, sha256)
    card_path = path.with_name(f"{name}{SUFFIX}")
    save_card(card, card_path)
    trust_model(sha256)
    return card_path


def card_of(script: torch.jit.ScriptModule, file: str, name: str, sha256: str) -> RaveCard:
    """Return the card of an export, from its own description and from measurements.

    Args:
        script: the loaded export.
        file: its name.
        name: the model's name in presets.
        sha256: of the file.

    Raises:
        CheckpointError: it is not a RAVE export, or it keeps no state between blocks.
    """
    import torch

    from plugin_backend.models.rave.codec import RaveCodec
    from plugin_backend.models.rave.torchscript import Stepper, numbers_of

    numbers = numbers_of(script, file)
    hop, dims = numbers.hop_samples, numbers.latent_dim
    frames = -(-SETTLED_SAMPLES // hop)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 4 * hop)).astype(np.float32) * 0.1)
    card = RaveCard(name, file, sha256, numbers.sample_rate, hop, dims, 0, 0, True, True, [0.0] * dims)
    codec = RaveCodec(card, script)
    latents = torch.from_numpy(codec.encoder().push(noise.numpy())[0][0].T.copy())
    codec.decoder().push(latents.T[None].numpy())
    if not (_keeps_state(script, "encode", noise) and _keeps_state(script, "decode", latents)):
        raise CheckpointError(f"{file}: keeps no state between blocks, so it would click: export it with --streaming")
    card = dataclasses.replace(
        card,
        random_encoder=Stepper(script, "encode", hop, False, file).draws(noise),
        random_decoder=Stepper(script, "decode", 1, False, file).draws(latents),
    )
    silence = RaveCodec(card, script).encoder().push(np.zeros((1, frames * hop), np.float32))[0][0, -1]
    card = dataclasses.replace(card, silence=[float(x) for x in silence])
    latencies = _latencies(RaveCodec(card, script))
    spread = max(latencies) - min(latencies)
    return dataclasses.replace(card, latency_samples=int(np.median(latencies)), latency_spread_samples=spread)


def _keeps_state(script: torch.jit.ScriptModule, method: str, x: torch.Tensor) -> bool:
    """Return whether a call changes any tensor of the model."""
    import torch

    used = copy.deepcopy(script)
    with torch.no_grad():
        getattr(used, method)(x[None])
    before = dict(script.named_buffers())
    return any(not torch.equal(after, before[name]) for name, after in used.named_buffers())


def _latencies(codec: RaveCodec) -> list[int]:
    """Return, for several clicks, how many samples later the output changes most.

    Each output is compared with that of silence, with the same noise, so that only the click's response counts.
    """
    hop, rng = codec.spec.hop_samples, np.random.default_rng(1)
    before = IMPULSE_AFTER_FRAMES * hop
    frames = IMPULSE_AFTER_FRAMES + codec.spec.frames(RESPONSE_SAMPLES) + 1
    quiet = np.zeros((1, frames * hop), np.float32)
    base, latencies = _reconstruct(codec, quiet), []
    for position in rng.integers(0, hop, IMPULSES):
        click = quiet.copy()
        click[0, before + position] = 1.0
        changed = np.abs(_reconstruct(codec, click) - base)[before + position :]
        latencies.append(int(changed.argmax()))
    return latencies


def _reconstruct(codec: RaveCodec, sound: np.ndarray) -> np.ndarray:
    return codec.decoder().push(codec.encoder().push(sound)[0])[0]
