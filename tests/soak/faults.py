"""Make each file-system call of a command fail in turn, or kill the command there.

Afterwards the folder holds either the files from before or all new files. A preloaded library (``faultshim.c``) counts
the calls on watched paths and makes one of them fail, once or from then on, or kills the process before it. After every
disturbed run the same command must succeed undisturbed.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SHIM = Path(__file__).with_name("faultshim.c")
MODES = {
    "ENOSPC": (errno.ENOSPC, True),
    "EIO": (errno.EIO, True),
    "ENOSPC once": (errno.ENOSPC, False),
    "EIO once": (errno.EIO, False),
    "EMFILE once": (errno.EMFILE, False),
    "kill": None,
}
"""The error, and whether every later call fails with it too; None is SIGKILL."""

LONGEST_S = 300


@dataclass(frozen=True)
class Command:
    """A command to disturb.

    Attributes:
        name: shown in the table.
        line: the command, run in a copy of ``template``.
        watch: the folder there whose calls are counted.
        named_in_order: its new files get their names one after another, the report last. A kill in between leaves some,
            and the next run must complete them.
    """

    name: str
    line: Sequence[str]
    template: Path
    watch: str = "out"
    named_in_order: bool = False


@dataclass
class Disturbed:
    """The result for one command: the number of its calls, the number of disturbed runs, and what went wrong."""

    calls: int = 0
    runs: int = 0
    wrong: list[str] = field(default_factory=list)


def built(folder: Path) -> Path:
    """Build the counting library; needs gcc."""
    shim = folder / "faultshim.so"
    subprocess.run(["gcc", "-O2", "-fPIC", "-shared", "-o", shim, SHIM, "-ldl", "-lpthread"], check=True)
    return shim


def visible(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder that are not hidden, by name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder): path for path in files}
    return {str(name): path.read_bytes() for name, path in names.items() if not any(p[0] == "." for p in name.parts)}


def disturbed(command: Command, shim: Path, work: Path, most: int, modes: Sequence[str] = tuple(MODES)) -> Disturbed:
    """Disturb a command at ``most`` of its calls, evenly spaced, in each mode."""
    found = Disturbed()
    place, counter = work / "place", work / "counter"
    _fresh(command, place)
    before = visible(place / command.watch)
    calm, stderr_text, found.calls = _run(command, place, shim, counter, 0, None)
    if calm:
        found.wrong.append(f"undisturbed: {stderr_text[-200:]}")
        return found
    whole = set(visible(place / command.watch))
    points = sorted({1 + round(k * (found.calls - 1) / max(1, most - 1)) for k in range(min(most, found.calls))})
    for mode in modes:
        for point in points:
            _fresh(command, place)
            status, stderr_text, _ = _run(command, place, shim, counter, point, mode)
            after = visible(place / command.watch)
            wrong = _wrong(command, mode, status, stderr_text, before, after, whole)
            again, message, _ = _run(command, place, shim, counter, 0, None)
            if again:
                wrong.append(f"cannot be run again: {message.strip()[-120:]}")
            elif not whole <= set(visible(place / command.watch)):
                wrong.append("run again, not everything is there")
            found.runs += 1
            found.wrong += [f"{mode} at call {point}: {each}" for each in wrong]
    return found


def _wrong(command, mode, status, stderr_text, before, after, whole) -> list[str]:
    wrong, new = [], set(after) - set(before)
    if status is None:
        wrong.append("stands still")
    if "Traceback" in stderr_text:
        wrong.append("a traceback")
    if status == 0 and set(after) != whole:
        wrong.append("status 0, and not everything is there")
    partly = new and new != whole - set(before)
    if partly and not (mode == "kill" and command.named_in_order and not any("_report.json" in name for name in new)):
        wrong.append(f"{len(new)} of {len(whole) - len(before)} files are there")
    changed = [name for name, data in before.items() if after.get(name) != data and name != "report.json"]
    if changed:
        wrong.append(f"changed or gone: {', '.join(changed)}")
    return wrong


def _fresh(command: Command, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(command.template, place)
    (place / command.watch).mkdir(exist_ok=True)


def _run(command: Command, place: Path, shim: Path, counter: Path, point: int, mode: str | None):
    counter.write_bytes(bytes(64))
    error, lasting = (MODES[mode] or (0, False)) if mode else (0, False)
    settings = {"FS_PREFIX": place / command.watch, "FS_COUNTER": counter, "FS_N": point}
    settings |= {"FS_ERRNO": error, "FS_STICKY": int(lasting), "LD_PRELOAD": shim}
    if mode == "kill":
        settings["FS_KILL"] = "before"
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    try:
        done = subprocess.run(
            command.line, cwd=place, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None, "", 0
    return done.returncode, done.stdout + done.stderr, int.from_bytes(counter.read_bytes()[:8], "little")
