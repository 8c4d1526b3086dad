"""Build a C program of the tests in several ways: plainly, with sanitizers, and for Windows, to run it under Wine."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SANITIZERS = {
    "memory": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    "threads": ("-fsanitize=thread",),
}
"""Compiler flags: addresses and undefined behaviour; races between threads. A finding ends the program."""

WINDOWS_CC, WINE = "x86_64-w64-mingw32-gcc", ("/usr/lib/wine/wine64", "/usr/bin/wine64", "/usr/bin/wine")
"""On Debian: ``apt-get install --no-install-recommends g++-mingw-w64-x86-64-posix wine64``, 1.1 GB."""


@functools.cache
def wine() -> str | None:
    """Return the command that runs a Windows program, if there is one."""
    return next((path for path in WINE if os.access(path, os.X_OK)), None)


@functools.cache
def has_sanitizer(kind: str) -> bool:
    """Return whether the compiler here builds and runs programs with a sanitizer of :data:`SANITIZERS`."""
    command = ["gcc", *SANITIZERS[kind], "-x", "c", "-", "-o", "/dev/null"]
    if not shutil.which("gcc"):
        return False
    return subprocess.run(command, input="int main(void){return 0;}", text=True, capture_output=True).returncode == 0


def skip_reason(kind: str) -> str:
    """Return why programs of a kind (see :func:`output_of`) cannot be run here, or an empty string."""
    if kind in SANITIZERS and not has_sanitizer(kind):
        return "no gcc with sanitizers"
    if kind == "windows" and not (shutil.which(WINDOWS_CC) and wine()):
        return "no compiler for Windows, or no Wine (Debian: g++-mingw-w64-x86-64-posix, wine64)"
    return "" if shutil.which("gcc") else "no C compiler"


def output_of(kind: str, source: Path, include: Path, folder: Path, *flags: str) -> str:
    """Build a program, run it, and return what it prints. A finding of a sanitizer fails the test.

    Args:
        kind: ``plain``, ``memory``, ``threads`` or ``windows``.
        source: of the program.
        include: the folder of what it includes.
        folder: for the program.
        flags: for the compiler, besides warnings as errors.
    """
    if reason := skip_reason(kind):
        pytest.skip(reason)
    compiler = WINDOWS_CC if kind == "windows" else "gcc"
    more = ["-static"] if kind == "windows" else SANITIZERS.get(kind, ())
    program = folder / ("program.exe" if kind == "windows" else "program")
    words = [compiler, "-O1", "-g", "-Wall", "-Wextra", "-Werror", *more, *flags, f"-I{include}"]
    subprocess.run([*words, source, "-o", program, "-pthread", "-lm"], check=True)
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}
    run = [program]
    if kind == "windows":
        environment |= {"WINEPREFIX": str(ROOT / "build" / "wine"), "WINEDEBUG": "-all"}
        (ROOT / "build").mkdir(exist_ok=True)
        run = [wine(), program]
    ran = subprocess.run(run, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout.replace("\r\n", "\n")
