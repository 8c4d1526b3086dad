"""Paths: where hosts look for plug-ins, where the bundles of a wheel are, and how bundles are named."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SUFFIXES = {"VST3": ".vst3", "LV2": ".lv2"}
SHIPPED = Path(__file__).parent / "bundles"
"""Package data of a platform wheel. It does not exist in other wheels or in the source tree."""


def user_folder(format_: str) -> Path:
    """Return the user's own folder of ``VST3`` or ``LV2`` plug-ins. Every host looks there."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Audio" / "Plug-Ins" / format_
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
        roaming = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
        return local / "Programs" / "Common" / "VST3" if format_ == "VST3" else roaming / "LV2"
    return home / SUFFIXES[format_]


def host_folders(format_: str) -> list[Path]:
    """Return every folder where hosts look, the user's first."""
    if sys.platform == "darwin":
        shared = [Path("/Library/Audio/Plug-Ins") / format_]
    elif sys.platform == "win32":
        common = Path(os.environ.get("COMMONPROGRAMFILES") or "C:/Program Files/Common Files")
        shared = [common / format_]
    else:
        shared = [Path(prefix) / format_.lower() for prefix in ("/usr/local/lib", "/usr/lib")]
    named = os.environ.get("LV2_PATH", "") if format_ == "LV2" else ""
    return list(dict.fromkeys([user_folder(format_), *(Path(one) for one in named.split(os.pathsep) if one), *shared]))


def log_path() -> Path:
    """Return the path of the backend's log (its standard error): ``pisada/plugin.log`` in the cache folder.

    The cache folder is ``$XDG_CACHE_HOME`` or ``~/.cache``.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pisada" / "plugin.log"


def bundles_in(folder: Path, products: tuple[str, ...], formats: tuple[str, ...]) -> list[Path]:
    """Return Pisada's bundles in a folder.

    Args:
        folder: to look in.
        products: names of the plug-ins.
        formats: ``VST3`` or ``LV2``.
    """
    named = [folder / f"{product}{SUFFIXES[format_]}" for format_ in formats for product in products]
    return [path for path in named if path.is_dir()]
