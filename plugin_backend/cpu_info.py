"""Which processor this is, as PyTorch sees it: its name and the features that its arithmetic may use."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache

FEATURES = ("sse4_2", "avx", "avx2", "fma3", "f16c", "avx512_f", "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_tile")
ARM_FEATURES = ("neon", "fp16_arith", "bf16", "dot", "i8mm", "sve", "sve2", "sme")
CPU_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "FBGEMM_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
    "PISADA_ENGINE",
)
"""Environment variables by which libraries, and our engine, are told to leave features unused."""


@dataclass(frozen=True)
class CpuInfo:
    """What the bits of a sum may depend on, beside the libraries.

    Attributes:
        name: as the maker calls it, e.g. ``AMD EPYC``.
        architecture: e.g. ``x86_64``.
        features: what it has of ``FEATURES`` (or ``FEATURES_OF_ARM``).
        used: the widest vectors that PyTorch's own loops use, e.g. ``AVX2``.
        choices: of the environment, ``NAME=value``.
    """

    name: str
    architecture: str
    features: tuple[str, ...]
    used: str
    choices: tuple[str, ...]

    def __str__(self) -> str:
        told = [f"{self.architecture}", *self.features, f"PyTorch uses {self.used}", *self.choices]
        return f"{self.name} ({', '.join(told)})"


@cache
def cpu_info() -> CpuInfo:
    """The one we run on; under emulation, the one that is emulated."""
    import torch

    list_capabilities = getattr(torch.cpu, "get_capabilities", dict)  # not in every version that we allow
    known = list_capabilities()
    features = tuple(name for name in (*FEATURES, *ARM_FEATURES) if known.get(name))
    choices = tuple(f"{name}={os.environ[name]}" for name in CPU_VARIABLES if name in os.environ)
    name = str(known.get("cpu_name") or platform.processor() or "unknown").strip()
    return CpuInfo(name, platform.machine(), features, torch.backends.cpu.get_cpu_capability(), choices)
