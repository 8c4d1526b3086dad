"""Where JUCE is: a given folder, Debian's packages where they are installed, else fetched and unpacked in a cache.

Installing ``juce-modules-source`` would bring some 120 packages. ``apt-get download`` and ``dpkg -x`` need no rights,
and bring two. Debian's CMake files name ``/usr``: of unpacked ones a copy is made that names where they are.
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
"""Debian's package to programs; one of them is enough."""

HEADERS = {
    "libfreetype-dev": "freetype2/ft2build.h",
    "libx11-dev": "X11/Xlib.h",
    "libxext-dev": "X11/extensions/XShm.h",
    "libpng-dev": "png.h",
    "libjpeg62-turbo-dev": "jpeglib.h",
    "zlib1g-dev": "zlib.h",
}
"""Debian's package to a header of it."""


def missing_packages() -> list[str]:
    """What a build needs and is not here, by Debian's names; JUCE aside."""
    missing = [package for package, names in PROGRAMS.items() if not any(map(shutil.which, names))]
    if compiler := next(filter(None, map(shutil.which, PROGRAMS["g++"])), None):
        asked = "".join(f"#if !__has_include(<{h}>)\nmissing {p}\n#endif\n" for p, h in HEADERS.items())
        said = subprocess.run(
            [compiler, "-E", "-x", "c++", "-"], input=asked, capture_output=True, text=True, check=False
        )
        missing += re.findall(r"^missing (\S+)", said.stdout, re.MULTILINE)
    return missing


def missing_message(missing: list[str]) -> str:
    """What to tell of them."""
    return f"building the plug-in needs {', '.join(missing)} (Debian: apt-get install {' '.join(missing)})"


def find_sdk(given: Path | None, cache: Path, say: Callable[[str], None] = lambda line: None) -> Path:
    """The folder of ``JUCEConfig.cmake``.

    Args:
        given: that folder, or one it is installed or unpacked in; ``None``: ``/usr``, else it is fetched.
        cache: where what is fetched is kept.
        say: gets a line before something is fetched.

    Raises:
        PluginError: it is not there and cannot be fetched, or is not JUCE 7: says what to install.
    """
    root = given or Path("/usr")
    found = _config(root)
    if found is None and given is not None:
        raise PluginError(f"{given}: no JUCE here (a folder that JUCE 7's CMake package is installed in)")
    if found is None:
        root = cache / "juce"
        if not root.is_dir():
            _fetch(root, say)
        found = _config(root)
    if found is None:
        raise PluginError(f"{root}: the packages hold no JUCE; remove it, or give a JUCE 7 with --sdk")
    if not (version := sdk_version(found)).startswith("7."):
        raise PluginError(f"{found}: JUCE {version}, and JUCE 7 is needed: name one with --sdk")
    return _relocated(found, cache)


def sdk_version(config: Path) -> str:
    """JUCE's version, as its CMake package tells it."""
    told = (config / "JUCEConfigVersion.cmake").read_text(encoding="utf-8")
    found = re.search(r'set\(PACKAGE_VERSION "([\d.]+)"\)', told)
    return found[1] if found else "unknown"


def _config(root: Path) -> Path | None:
    places = ("", "lib/cmake/JUCE-*/", "lib/*/cmake/JUCE-*/", "usr/lib/*/cmake/JUCE-*/")
    found = [path for place in places for path in sorted(root.glob(f"{place}JUCEConfig.cmake"))]
    return found[-1].parent.resolve() if found else None


def _fetch(root: Path, say: Callable[[str], None]) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise PluginError("no JUCE is installed, and none can be fetched here: install JUCE 7 and name it with --sdk")
    say(f"fetching {' and '.join(PACKAGES)} (8 MB, unpacked in {root}, not installed)")
    root.parent.mkdir(parents=True, exist_ok=True)
    with make_folder_atomically(root) as folder:
        _does(["apt-get", "download", *PACKAGES], folder)
        for package in sorted(folder.glob("*.deb")):
            _does(["dpkg", "-x", package.name, "."], folder)
            package.unlink()


def _does(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise PluginError(f"{' '.join(command)}: {last}; or install JUCE 7 and name it with --sdk")


def _relocated(config: Path, cache: Path) -> Path:
    """The same where it is at home in ``/usr`` or anywhere; a copy that says where it is, where it says ``/usr``."""
    says_usr = '"/usr/share/juce' in (config / "JUCEConfig.cmake").read_text(encoding="utf-8")
    root = next((folder for folder in config.parents if (folder / "share" / "juce" / "modules").is_dir()), None)
    if not says_usr or root is None or root == Path("/usr"):
        return config
    mine = cache / "juce-cmake" / config.name
    wanted = {path.name: path.read_bytes() for path in config.iterdir() if path.is_file()}
    for name in wanted:
        if name.endswith(".cmake"):
            text = wanted[name].decode().replace(f'"/usr/lib/{config.parents[1].name}/cmake/{config.name}', f'"{mine}')
            wanted[name] = re.sub(r'"/usr(?=[/"])', lambda _: f'"{root}', text).encode()
    for name, own in wanted.items():  # one that is right is left alone: a build may be reading it
        if not (mine / name).exists() or (mine / name).read_bytes() != own:
            mine.mkdir(parents=True, exist_ok=True)
            with write_atomically(mine / name) as whole:
                whole.write_bytes(own)
    return mine
