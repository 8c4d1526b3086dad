"""Describe the processor as PyTorch sees it: its name and the features that its arithmetic may use."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

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
"""Environment variables that tell libraries, and our engine, to leave processor features unused."""


@dataclass(frozen=True)
class CpuInfo:
    """Properties of the processor that the bits of a sum may depend on, besides the libraries.

    Attributes:
        name: the maker's name, for example ``AMD EPYC``.
        architecture: for example ``x86_64``.
        features: those of ``FEATURES`` (or ``ARM_FEATURES``) that the processor has.
        used: the widest vectors that PyTorch's own loops use, for example ``AVX2``.
        choices: environment variables that are set, as ``NAME=value``.
    """

    name: str
    architecture: str
    features: tuple[str, ...]
    used: str
    choices: tuple[str, ...]

    def __str__(self) -> str:
        details = [f"{self.architecture}", *self.features, f"PyTorch uses {self.used}", *self.choices]
        return f"{self.name} ({', '.join(details)})"


@cache
def processor_name() -> str:
    """Return the processor's name and architecture, without PyTorch."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{next(names, '') or platform.processor() or 'unknown'} ({platform.machine()})"


@cache
def cpu_info() -> CpuInfo:
    """Return the processor that runs this process. Under emulation it is the emulated one."""
    import torch

    list_capabilities = getattr(torch.cpu, "get_capabilities", dict)  # not in every version that we allow
    known: dict[str, object] = list_capabilities()
    features = tuple(name for name in (*FEATURES, *ARM_FEATURES) if known.get(name))
    choices = tuple(f"{name}={os.environ[name]}" for name in CPU_VARIABLES if name in os.environ)
    name = str(known.get("cpu_name") or platform.processor() or "unknown").strip()
    return CpuInfo(name, platform.machine(), features, torch.backends.cpu.get_cpu_capability(), choices)
