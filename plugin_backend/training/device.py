"""The device a run computes on, and its number precision."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

import torch

from plugin_backend.errors import ProjectError


def pick_device(name: str) -> torch.device:
    """Return the device of that name; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        ProjectError: this machine has no such device.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(device for device in ("cuda", "mps", "cpu") if available[device]))
    if not available.get(name):
        names = ", ".join(device for device in available if available[device])
        raise ProjectError(f"--device {name}: not on this machine; available: {names}")
    return torch.device(name)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether bfloat16 matrix products are faster than float32 ones on ``device``."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def mixed_precision(device: torch.device) -> AbstractContextManager:
    """Return a context in which matrix products run in bfloat16 where that is faster."""
    if has_fast_bfloat16(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
