"""Move a job's files from its staging folder into its folder.

Every file arrives complete, and no foreign file is lost.
"""

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
    """Return the folder in which a job's files are made."""
    return out / STAGES / name


def clear(out: Path, name: str | None = None) -> None:
    """Delete a job's staging folder, or all of them."""
    shutil.rmtree(staging_folder(out, name) if name is not None else out / STAGES, ignore_errors=True)


def set_aside_changed(out: Path, name: str, outputs: list[Output], before: list[Output]) -> list[str]:
    """Move files that would be replaced and are not ours into the folder ``changed``.

    A file is ours if it is as we left it, or equal to the new one.

    Args:
        out: the output folder.
        name: the job.
        outputs: the new files.
        before: the files of its last complete attempt.

    Returns:
        One line for each moved file.

    Raises:
        OSError: a file cannot be moved.
    """
    folder = out / name
    ours, remarks = {output.file: output.digest for output in before}, []
    for output in outputs:
        target = folder / output.file
        if os.path.lexists(target) and _digest(target) not in (ours.get(output.file, output.digest), output.digest):
            remarks.append(f"{name}/{output.file} was changed by someone: kept as {_set_aside(folder, target)}")
    return remarks


def move_in(out: Path, name: str, outputs: list[Output]) -> None:
    """Move a job's files from its staging folder into its folder; some may have been moved before.

    Raises:
        OSError: a file is missing in both folders, or cannot be moved.
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
    """Return whether a file is as we left it.

    Size and time are compared; the digest only if the times differ, or if ``verify`` is set.
    """
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
    """Return a file's digest; None if it cannot be read or is a folder."""
    try:
        return file_digest(path)
    except AudioFileError:
        return None
