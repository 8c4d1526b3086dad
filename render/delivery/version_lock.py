"""Lock a version number while a run makes its files."""

from __future__ import annotations

import glob
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plugin_backend.staged_files import StagedFiles, recover_staged_files
from render.delivery.file_names import next_version, run_prefix
from render.plan.plan import Plan
from render.project.project import Project
from render.project.stem_names import SUM

STALE_S = 24 * 3600
NUMBERED = re.compile(r"\.[0-9]{1,7}\.part$")


@contextmanager
def lock_version(
    plan: Plan, project: Project, out: Path, version: int | None = None
) -> Iterator[tuple[int, StagedFiles]]:
    """Lock a version number, and make a hidden folder for its files.

    No other run can use the number as long as this context lasts. Leftovers of killed runs of this reel are finished or
    removed first.

    Args:
        plan: gives the stems.
        project: gives the reel and the pattern of file names.
        out: folder of the deliveries.
        version: the number; by default, the next free one.

    Yields:
        The number, and the stage to make the files in.

    Raises:
        OSError: ``out`` cannot be written.
    """
    head = f"{run_prefix(project)}_{SUM}_v"
    recover_staged_files(out, f"{glob.escape(head)}*")
    remove_stale_files(out, run_prefix(project))
    number, stage = version or next_version(plan, project, out), None
    while stage is None:
        stage = StagedFiles.begin(out, f"{head}{number:03d}")
        if stage is None:
            number += 1
        elif version is None and (newest := next_version(plan, project, out)) > number:
            stage.end()  # another run has finished this version in the meantime
            number, stage = newest, None
    try:
        yield number, stage
    finally:
        stage.end()


def remove_stale_files(out: Path, prefix: str) -> None:
    """Remove hidden files of a reel that are more than a day old.

    These are single files, and folders of an earlier version of Pisada that numbered them by process. Folders of runs
    that may still last are left alone: only their lock says whether they do.

    Args:
        out: folder of the deliveries.
        prefix: see :func:`~render.delivery.file_names.run_prefix`.
    """
    oldest = time.time() - STALE_S
    for path in out.glob(f".{glob.escape(prefix)}_*"):
        with suppress(OSError):
            if path.suffix not in (".part", ".claim") or path.stat().st_mtime > oldest:
                continue
            if not path.is_dir():
                path.unlink()
            elif NUMBERED.search(path.name):
                shutil.rmtree(path)
