"""Find JUCE: in a given folder, in Debian's installed packages, or else fetch and unpack it in a cache.

Installing ``juce-modules-source`` would install some 120 packages. ``apt-get download`` and ``dpkg -x`` need no rights
and get two. Debian's CMake files contain ``/usr``: for unpacked packages a copy with the real path is made.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from plugin_backend.errors import PluginError
from plugin_backend.output_files import make_folder_atomically, write_atomically

PACKAGES = ("juce-modules-source", "juce-modules-source-data")

PROGRAMS = {
    "cmake": ("cmake",),
    "ninja-build": ("ninja", "make"),
    "g++": ("c++", "g++", "clang++"),
    "pkg-config": ("pkg-config", "pkgconf"),
}
"""Programs by Debian package; one of them is enough."""

HEADERS = {
    "libfreetype-dev": "freetype2/ft2build.h",
    "libx11-dev": "X11/Xlib.h",
    "libxext-dev": "X11/extensions/XShm.h",
    "libpng-dev": "png.h",
    "libjpeg62-turbo-dev": "jpeglib.h",
    "zlib1g-dev": "zlib.h",
}
"""A header of each Debian package."""


def missing_packages() -> list[str]:
    """Return the Debian packages that a build needs and that are missing, except JUCE."""
    missing = [package for package, names in PROGRAMS.items() if not any(map(shutil.which, names))]
    if compiler := next(filter(None, map(shutil.which, PROGRAMS["g++"])), None):
        source = "".join(f"#if !__has_include(<{h}>)\nmissing {p}\n#endif\n" for p, h in HEADERS.items())
        output = subprocess.run(
            [compiler, "-E", "-x", "c++", "-"], input=source, capture_output=True, text=True, check=False
        )
        missing += re.findall(r"^missing (\S+)", output.stdout, re.MULTILINE)
    return missing


def missing_message(missing: list[str]) -> str:
    """Return the message about missing packages."""
    return f"building the plug-in needs {', '.join(missing)} (Debian: apt-get install {' '.join(missing)})"


def find_sdk(given: Path | None, cache: Path, report: Callable[[str], None] = lambda line: None) -> Path:
    """Return the folder of ``JUCEConfig.cmake``.

    Args:
        given: that folder, or one in which JUCE is installed or unpacked; ``None``: ``/usr``, else it is fetched.
        cache: where a fetched JUCE is kept.
        report: called with a line of text before something is fetched.

    Raises:
        PluginError: it is missing and cannot be fetched, or is not JUCE 7; the message says what to install.
    """
    root = given or Path("/usr")
    config = _config(root)
    if config is None and given is not None:
        raise PluginError(f"{given}: no JUCE here (give a folder in which JUCE 7's CMake package is installed)")
    if config is None:
        root = cache / "juce"
        if not root.is_dir():
            _fetch(root, report)
        config = _config(root)
    if config is None:
        raise PluginError(f"{root}: the packages contain no JUCE; remove this folder, or give a JUCE 7 with --sdk")
    if not (version := sdk_version(config)).startswith("7."):
        raise PluginError(f"{config}: JUCE {version}, but JUCE 7 is needed: give one with --sdk")
    return _relocated(config, cache)


def sdk_version(config: Path) -> str:
    """Return JUCE's version, as stated in its CMake package."""
    text = (config / "JUCEConfigVersion.cmake").read_text(encoding="utf-8")
    match = re.search(r'set\(PACKAGE_VERSION "([\d.]+)"\)', text)
    return match[1] if match else "unknown"


def _config(root: Path) -> Path | None:
    patterns = ("", "lib/cmake/JUCE-*/", "lib/*/cmake/JUCE-*/", "usr/lib/*/cmake/JUCE-*/")
    paths = [path for pattern in patterns for path in sorted(root.glob(f"{pattern}JUCEConfig.cmake"))]
    return paths[-1].parent.resolve() if paths else None


def _fetch(root: Path, report: Callable[[str], None]) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise PluginError("JUCE is not installed and cannot be fetched here: install JUCE 7 and give it with --sdk")
    report(f"fetching {' and '.join(PACKAGES)} (8 MB, unpacked in {root}, not installed)")
    root.parent.mkdir(parents=True, exist_ok=True)
    with make_folder_atomically(root) as folder:
        _run(["apt-get", "download", *PACKAGES], folder)
        for package in sorted(folder.glob("*.deb")):
            _run(["dpkg", "-x", package.name, "."], folder)
            package.unlink()


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise PluginError(f"{' '.join(command)}: {last}; or install JUCE 7 and give it with --sdk")


def _relocated(config: Path, cache: Path) -> Path:
    """Return a CMake package with correct paths: itself, or a copy with the real path in place of ``/usr``."""
    names_usr = '"/usr/share/juce' in (config / "JUCEConfig.cmake").read_text(encoding="utf-8")
    root = next((folder for folder in config.parents if (folder / "share" / "juce" / "modules").is_dir()), None)
    if not names_usr or root is None or root == Path("/usr"):
        return config
    copy = cache / "juce-cmake" / config.name
    contents = {path.name: path.read_bytes() for path in config.iterdir() if path.is_file()}
    for name in contents:
        if name.endswith(".cmake"):
            text = (
                contents[name].decode().replace(f'"/usr/lib/{config.parents[1].name}/cmake/{config.name}', f'"{copy}')
            )
            contents[name] = re.sub(r'"/usr(?=[/"])', lambda _: f'"{root}', text).encode()
    for name, data in contents.items():  # a correct file is not written again: a build may be reading it
        if not (copy / name).exists() or (copy / name).read_bytes() != data:
            copy.mkdir(parents=True, exist_ok=True)
            with write_atomically(copy / name) as temporary:
                temporary.write_bytes(data)
    return copy
