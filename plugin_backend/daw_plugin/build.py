"""Build the plug-ins from their C++ sources into a cache. If nothing changed, a second call builds nothing.

The cache holds JUCE (if it was fetched), a CMake folder for each version of JUCE, in which only changed files are
compiled again, and the finished bundles of the last few states of the sources, each in a folder named by their digest.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from plugin_backend.daw_plugin.cpp_header import cpp_header
from plugin_backend.daw_plugin.juce_sdk import find_sdk, missing_message, missing_packages, sdk_version
from plugin_backend.errors import PluginError
from plugin_backend.output_files import cannot_write, make_folder_atomically
from plugin_backend.platform_calls import lock_file

FORMATS = ("VST3", "LV2")
PRODUCTS = ("Pisada", "Pisada Instrument")
SOURCES = Path(__file__).parents[1] / "native"
PARTS = ("CMakeLists.txt", "bridge/*.?pp", "plugin/**/*.?pp")
LENGTH = "about ten minutes of processor time"
"""What JUCE takes to compile, nearly all of a build."""

BUNDLES_KEPT = 4
"""How many states of the sources have their bundles in the cache."""


def build(
    out: Path,
    formats: Iterable[str] = FORMATS,
    sdk: Path | None = None,
    jobs: int | None = None,
    report: Callable[[str], None] = lambda line: None,
    cache: Path | None = None,
) -> list[Path]:
    """Build both plug-ins and copy each complete bundle into ``out``, replacing an older one.

    Args:
        out: a folder; it is made if it does not exist. It gets ``Pisada.vst3``, ``Pisada Instrument.vst3``,
            ``Pisada.lv2`` and ``Pisada Instrument.lv2``, each a folder.
        formats: of ``FORMATS``.
        sdk: the folder of JUCE; ``None``: see :func:`plugin_backend.daw_plugin.juce_sdk.find_sdk`.
        jobs: compilers at a time; ``None``: one per processor.
        report: called with a line of text at each step of a build that takes minutes.
        cache: ``None``: ``plugin-build`` in the user's cache folder.

    Returns:
        The bundles in ``out``.

    Raises:
        PluginError: this is not Linux; the SDK, a compiler or a header is missing (the message says what to install);
            or the compiler fails (the message has its last lines).
        OutputError: ``out`` or the cache cannot be written.
    """
    requested = [name for name in FORMATS if name in set(formats)]
    if unknown := set(formats) - set(FORMATS):
        raise PluginError(f"no format {', '.join(sorted(unknown))}: {', '.join(FORMATS)} can be built")
    try:
        with _locked(cache or build_cache(), report) as folder:
            return [_copy(bundle, out) for bundle in _build(requested, sdk, jobs, report, folder)]
    except OSError as problem:
        raise cannot_write(problem.filename or out, problem.strerror or problem) from problem


def build_cache() -> Path:
    """Return ``plugin-build`` in the user's cache folder."""
    from platformdirs import user_cache_path

    return user_cache_path("pisada") / "plugin-build"


def _build(formats: list[str], sdk: Path | None, jobs: int | None, report: Callable, cache: Path) -> list[Path]:
    juce = find_sdk(sdk, cache, report)
    version = sdk_version(juce)
    bundles = cache / "bundles" / _digest(SOURCES, formats, version)
    if not bundles.is_dir():
        if missing := missing_packages():
            raise PluginError(missing_message(missing))
        work = cache / f"work-{version}"
        sources = _copy_sources(work / "native")
        bundles = cache / "bundles" / _digest(sources, formats, version)
        report(f"building {' and '.join(PRODUCTS)} ({', '.join(formats)}): {LENGTH} the first time")
        _compile(work, sources, juce, formats, jobs)
        _store(work, formats, bundles)
    return sorted(bundles.iterdir())


def _copy_sources(folder: Path) -> Path:
    """Copy the sources: they may change during the build, and the next build may come from another installation."""
    contents = {folder / path.relative_to(SOURCES): path.read_bytes() for path in _sources(SOURCES)}
    for path in set(_sources(folder)) - set(contents):
        path.unlink()
    for path, text in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != text:
            path.write_bytes(text)
    return folder


def _compile(work: Path, sources: Path, juce: Path, formats: list[str], jobs: int | None) -> None:
    generated = work / "generated" / "pisada_tables.h"
    generated.parent.mkdir(parents=True, exist_ok=True)
    if not generated.exists() or generated.read_text(encoding="utf-8") != cpp_header():
        generated.write_text(cpp_header(), encoding="utf-8")
    _configure(
        work / "cmake",
        [
            "cmake", "-S", sources, "-B", work / "cmake", *(["-G", "Ninja"] if shutil.which("ninja") else []),
            "-Wno-dev", "-DCMAKE_BUILD_TYPE=Release", f"-DJUCE_DIR={juce}", f"-DPISADA_GENERATED={generated.parent}",
            f"-DPISADA_FORMATS={';'.join(formats)}", f"-DPISADA_EDITION={_version()}", *_compiler_cache(),
        ],
    )  # fmt: skip
    _run(["cmake", "--build", work / "cmake", "--parallel", str(jobs or os.cpu_count() or 1)], "the compiler failed")


def _compiler_cache() -> list[str]:
    """Return the options that let CMake compile through ccache; empty ones, as it remembers them, without ccache."""
    found = shutil.which("ccache") or ""
    return [f"-DCMAKE_{language}_COMPILER_LAUNCHER={found}" for language in ("C", "CXX")]


def _configure(folder: Path, command: list) -> None:
    """Configure with CMake. If that fails in a folder of another compiler, generator or JUCE, start with a new one."""
    existed = folder.is_dir()
    try:
        _run(command, "CMake failed")
    except PluginError:
        if not existed:
            raise
        shutil.rmtree(folder)
        _run(command, "CMake failed")


def _store(work: Path, formats: list[str], destination: Path) -> None:
    destination.parent.mkdir(exist_ok=True)
    with make_folder_atomically(destination) as folder:
        for bundle in _bundles(work, formats):
            shutil.copytree(bundle, folder / bundle.name)
        for library in folder.rglob("*.so"):
            _run(["strip", library], "strip failed")
    for old in sorted(destination.parent.iterdir(), key=os.path.getmtime)[:-BUNDLES_KEPT]:
        shutil.rmtree(old)


def _bundles(work: Path, formats: list[str]) -> list[Path]:
    bundles = [
        path
        for product in PRODUCTS
        for kind in formats
        for path in (work / "cmake").glob(f"*_artefacts/Release/{kind}/{product}.{kind.lower()}")
    ]
    if len(bundles) != len(PRODUCTS) * len(formats):
        raise PluginError(f"{work}: the build made {len(bundles)} bundles; remove this folder and build again")
    return bundles


def _run(command: list, failure: str) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines
        raise PluginError("\n".join([f"{failure}:", *(line[:300] for line in errors[-6:])]))


def _version() -> str:
    """Return Pisada's version, as far as it is numbers."""
    numbers = re.match(r"\d+(\.\d+)*", metadata.version("pisada"))
    return numbers[0] if numbers else "0"


def _sources(folder: Path) -> list[Path]:
    return sorted(path for part in PARTS for path in folder.glob(part))


def _digest(sources: Path, formats: list[str], version: str) -> str:
    digest = hashlib.sha256(f"{_version()} JUCE {version}\n{' '.join(formats)}\n{cpp_header()}".encode())
    for path in _sources(sources):
        digest.update(f"\n{path.relative_to(sources)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _copy(bundle: Path, folder: Path) -> Path:
    """Copy the bundle into ``folder``; at no moment is it there in part."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / bundle.name
    new, old = (folder / f".{bundle.name}.{os.getpid()}.{end}" for end in ("new", "old"))
    try:
        shutil.copytree(bundle, new)
        if target.exists():
            os.rename(target, old)
        os.rename(new, target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return target


@contextmanager
def _locked(cache: Path, report: Callable[[str], None]) -> Iterator[Path]:
    """Lock the cache for one build until its bundles are copied: a later build removes the oldest."""
    if not sys.platform.startswith("linux"):
        raise PluginError(f"the plug-in can be built on Linux only, not on {sys.platform}")
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        try:
            lock_file(lock.fileno())
        except BlockingIOError:
            report(f"waiting for another build in {cache}")
            lock_file(lock.fileno(), wait=True)
        yield cache
