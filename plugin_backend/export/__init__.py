"""Write Pisada's models for other programs."""

from __future__ import annotations

from pathlib import Path

from plugin_backend.errors import OutputError

SUFFIXES = {"torchscript": ".ts", "nn-tilde": ".ts", "onnx": ".onnx", "neutone": ".nm"}
"""Ending of an export's file name, by format."""


def check_suffix(kind: str, out: Path) -> None:
    """Check that a file name fits the format.

    Args:
        kind: the format, a key of ``SUFFIXES``.
        out: the file name.

    Raises:
        OutputError: it does not fit.
    """
    if out.suffix != SUFFIXES[kind]:
        raise OutputError(f"{out}: a file for {kind} must be named …{SUFFIXES[kind]}")
