"""The plug-ins from their C++ sources, into a cache: a second call with nothing changed builds nothing.

The cache holds JUCE where it was fetched, a CMake folder for each version of JUCE, in which only what changed is built
anew, and the finished bundles of the last few states of the sources, each in a folder named by their digest.
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

FORMATS = ("VST3", "LV2")
PRODUCTS = ("Pisada", "Pisada Instrument")
SOURCES = Path(__file__).parents[1] / "native"
PARTS = ("CMakeLists.txt", "bridge/*.?pp", "plugin/**/*.?pp")
BUNDLES_KEPT = 4
"""States of the sources whose bundles stay in the cache."""


def build(
    out: Path,
    formats: Iterable[str] = FORMATS,
    sdk: Path | None = None,
    jobs: int | None = None,
    say: Callable[[str], None] = lambda line: None,
    cache: Path | None = None,
) -> list[Path]:
    """Build both plug-ins, and copy each bundle whole into ``out``, in place of an older one.

    Args:
        out: a folder, made if need be: it gets ``Pisada.vst3``, ``Pisada Instrument.vst3``, ``Pisada.lv2`` and
            ``Pisada Instrument.lv2``, each a folder.
        formats: of ``FORMATS``.
        sdk: where JUCE is; ``None`` looks for it, see :func:`plugin_backend.daw_plugin.juce_sdk.find_sdk`.
        jobs: compilers at a time; ``None``: one a processor.
        say: gets a line at each step (of a build that takes minutes).
        cache: ``None``: ``plugin-build`` in the user's cache folder.

    Returns:
        The bundles in ``out``.

    Raises:
        PluginError: this is not Linux, the SDK, a compiler or a header is not there (and what to install), or a
            compiler refuses (with the last lines it said).
        OutputError: ``out`` or the cache cannot be written.
    """
    wanted = [name for name in FORMATS if name in set(formats)]
    if unknown := set(formats) - set(FORMATS):
        raise PluginError(f"no format {', '.join(sorted(unknown))}: {', '.join(FORMATS)} are built")
    try:
        with _alone(cache or build_cache(), say) as own:
            return [_copied(bundle, out) for bundle in _built(wanted, sdk, jobs, say, own)]
    except OSError as problem:
        raise cannot_write(problem.filename or out, problem.strerror or problem) from problem


def build_cache() -> Path:
    """``plugin-build`` in the user's cache folder."""
    from platformdirs import user_cache_path

    return user_cache_path("pisada") / "plugin-build"


def _built(formats: list[str], sdk: Path | None, jobs: int | None, say: Callable, cache: Path) -> list[Path]:
    juce = find_sdk(sdk, cache, say)
    version = sdk_version(juce)
    done = cache / "bundles" / _digest(SOURCES, formats, version)
    if not done.is_dir():
        if missing := missing_packages():
            raise PluginError(missing_message(missing))
        work = cache / f"work-{version}"
        taken = _taken(work / "native")
        done = cache / "bundles" / _digest(taken, formats, version)
        say(f"building {' and '.join(PRODUCTS)} ({', '.join(formats)}): some minutes the first time")
        _compile(work, taken, juce, formats, jobs)
        _keep(work, formats, done)
    return sorted(done.iterdir())


def _taken(folder: Path) -> Path:
    """A copy of the sources: they may be changed while they are compiled, or be another copy's the next time."""
    wanted = {folder / path.relative_to(SOURCES): path.read_bytes() for path in _sources(SOURCES)}
    for path in set(_sources(folder)) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
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
            f"-DPISADA_FORMATS={';'.join(formats)}", f"-DPISADA_EDITION={_edition()}",
        ],
    )  # fmt: skip
    _run(["cmake", "--build", work / "cmake", "--parallel", str(jobs or os.cpu_count() or 1)], "the compiler refuses")


def _configure(folder: Path, command: list) -> None:
    """A folder that another compiler, generator or JUCE left, and CMake does not take, is begun anew."""
    was_there = folder.is_dir()
    try:
        _run(command, "CMake refuses")
    except PluginError:
        if not was_there:
            raise
        shutil.rmtree(folder)
        _run(command, "CMake refuses")


def _keep(work: Path, formats: list[str], done: Path) -> None:
    done.parent.mkdir(exist_ok=True)
    with make_folder_atomically(done) as folder:
        for bundle in _bundles(work, formats):
            shutil.copytree(bundle, folder / bundle.name)
        for library in folder.rglob("*.so"):
            _run(["strip", library], "strip refuses")
    for old in sorted(done.parent.iterdir(), key=os.path.getmtime)[:-BUNDLES_KEPT]:
        shutil.rmtree(old)


def _bundles(work: Path, formats: list[str]) -> list[Path]:
    found = [
        path
        for product in PRODUCTS
        for kind in formats
        for path in (work / "cmake").glob(f"*_artefacts/Release/{kind}/{product}.{kind.lower()}")
    ]
    if len(found) != len(PRODUCTS) * len(formats):
        raise PluginError(f"{work}: the build made {len(found)} bundles; remove this folder and build again")
    return found


def _run(command: list, refuses: str) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        telling = [line for line in lines if "error" in line.lower()] or lines
        raise PluginError("\n".join([f"{refuses}:", *(line[:300] for line in telling[-6:])]))


def _edition() -> str:
    """Pisada's, as far as it is numbers."""
    return re.match(r"\d+(\.\d+)*", metadata.version("pisada"))[0]


def _sources(folder: Path) -> list[Path]:
    return sorted(path for part in PARTS for path in folder.glob(part))


def _digest(sources: Path, formats: list[str], version: str) -> str:
    digest = hashlib.sha256(f"{_edition()} JUCE {version}\n{' '.join(formats)}\n{cpp_header()}".encode())
    for path in _sources(sources):
        digest.update(f"\n{path.relative_to(sources)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _copied(bundle: Path, folder: Path) -> Path:
    """The bundle in ``folder``; there is never half a one."""
    folder.mkdir(parents=True, exist_ok=True)
    there, new, old = folder / bundle.name, *(folder / f".{bundle.name}.{os.getpid()}.{end}" for end in ("new", "old"))
    try:
        shutil.copytree(bundle, new)
        if there.exists():
            os.rename(there, old)
        os.rename(new, there)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return there


@contextmanager
def _alone(cache: Path, say: Callable[[str], None]) -> Iterator[Path]:
    """The cache for one build at a time, until what it made is copied: a later one removes the oldest."""
    if not sys.platform.startswith("linux"):
        raise PluginError(f"the plug-in is made for Linux so far: it cannot be built on {sys.platform}")
    import fcntl

    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another build in {cache}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield cache
