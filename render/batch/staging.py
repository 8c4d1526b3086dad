"""From the stage, where a job's files are made, into its folder: every file whole, and nobody's file lost."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from plugin_backend.errors import AudioFileError
from plugin_backend.output_files import file_digest, sync_to_disk
from render.batch.engines.protocol import Output
from render.delivery.deliver import LATEST_REPORT

STAGES = ".batch"
CHANGED = "changed"


def staging_folder(out: Path, name: str) -> Path:
    """Where a job's files are made."""
    return out / STAGES / name


def clear(out: Path, name: str | None = None) -> None:
    """Remove a job's stage, or all of them."""
    shutil.rmtree(staging_folder(out, name) if name is not None else out / STAGES, ignore_errors=True)


def set_aside_changed(out: Path, name: str, outputs: list[Output], before: list[Output]) -> list[str]:
    """Move files that would be replaced, and are not ours, into the folder ``changed``; one line each.

    A file is ours as we left it (``before``), or when it is the same as the new one.

    Raises:
        OSError: one cannot be moved.
    """
    folder = out / name
    ours, remarks = {output.file: output.digest for output in before}, []
    for output in outputs:
        target = folder / output.file
        if os.path.lexists(target) and _digest(target) not in (ours.get(output.file, output.digest), output.digest):
            remarks.append(f"{name}/{output.file} was changed by someone: kept as {_set_aside(folder, target)}")
    return remarks


def move_in(out: Path, name: str, outputs: list[Output]) -> None:
    """Move a job's files from its stage into its folder; half of them may be there already.

    Raises:
        OSError: a file is neither here nor there, or cannot be moved.
    """
    stage, folder = staging_folder(out, name), out / name
    for output in outputs:
        source, target = stage / output.file, folder / output.file
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, target)
        elif target.stat().st_size != output.bytes:
            raise FileNotFoundError(errno.ENOENT, "is gone", str(source))
    if (stage / LATEST_REPORT).exists():
        os.replace(stage / LATEST_REPORT, folder / LATEST_REPORT)
    for path in {folder, out, *((folder / output.file).parent for output in outputs)}:
        sync_to_disk(path)
    clear(out, name)


def _set_aside(folder: Path, file: Path) -> str:
    aside, number = folder / CHANGED, 1
    aside.mkdir(exist_ok=True)
    while os.path.lexists(aside / f"{number}_{file.name}"):
        number += 1
    os.replace(file, aside / f"{number}_{file.name}")
    return f"{folder.name}/{CHANGED}/{number}_{file.name}"


def is_unchanged(folder: Path, output: Output, verify: bool = False) -> bool:
    """Whether a file is as we left it: by size and time, or by its digest where they differ or ``verify`` asks."""
    path = folder / output.file
    try:
        state = path.stat()
    except OSError:
        return False
    if state.st_size != output.bytes:
        return False
    if state.st_mtime_ns == output.modified_ns and not verify:
        return True
    return _digest(path) == output.digest


def _digest(path: Path) -> str | None:
    """A file's; none if it cannot be read, or is a folder."""
    try:
        return file_digest(path)
    except AudioFileError:
        return None
