"""Models for other programs, and other programs' models: what leaves Pisada and what comes in."""

from __future__ import annotations

from pathlib import Path

from plugin_backend.errors import OutputError

SUFFIXES = {"torchscript": ".ts", "nn-tilde": ".ts", "onnx": ".onnx", "neutone": ".nm"}
"""Format of an export → what its file's name ends with."""


def check_suffix(kind: str, out: Path) -> None:
    """Refuse a name that does not go with the format.

    Raises:
        OutputError: it does not.
    """
    if out.suffix != SUFFIXES[kind]:
        raise OutputError(f"{out}: a file for {kind} must be named …{SUFFIXES[kind]}")
