"""Where a run computes, and in which precision."""

from __future__ import annotations

import contextlib

import torch

from plugin_backend.errors import ProjectError


def pick_device(wanted: str) -> torch.device:
    """``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        ProjectError: the device asked for is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if there[name]))
    if not there.get(wanted):
        raise ProjectError(
            f"--device {wanted}: not on this machine; there is {', '.join(k for k in there if there[k])}"
        )
    return torch.device(wanted)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are faster than float32 ones on ``device``."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def mixed_precision(device: torch.device):
    """A context in which matrix products run in bfloat16 where that is faster."""
    if has_fast_bfloat16(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
