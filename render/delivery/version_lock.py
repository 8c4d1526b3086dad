"""One version, one run: a number is held by a living process while its files are made."""

from __future__ import annotations

import glob
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from plugin_backend.file_commit import StagedFiles, recover_staged_files
from render.delivery.file_names import next_version, run_prefix
from render.plan.plan import Plan
from render.project.project import SUM, Project

STALE_S = 24 * 3600
NUMBERED = re.compile(r"\.[0-9]{1,7}\.part$")


@contextmanager
def lock_version(
    plan: Plan, project: Project, out: Path, version: int | None = None
) -> Iterator[tuple[int, StagedFiles]]:
    """A version that no other run has, or takes while this one lasts, and where its files are made.

    What runs of this reel left that died is finished or removed first.

    Args:
        version: its number; none means the next that is free.

    Raises:
        OSError: ``out`` cannot be written.
    """
    head = f"{run_prefix(project)}_{SUM}_v"
    recover_staged_files(out, f"{glob.escape(head)}*")
    remove_stale_files(out, run_prefix(project))
    wanted, stage = version or next_version(plan, project, out), None
    while stage is None:
        stage = StagedFiles.begin(out, f"{head}{wanted:03d}")
        if stage is None:
            wanted += 1
        elif version is None and (newest := next_version(plan, project, out)) > wanted:
            stage.end()  # another run finished this very version in between
            wanted, stage = newest, None
    try:
        yield wanted, stage
    finally:
        stage.end()


def remove_stale_files(out: Path, prefix: str) -> None:
    """Remove single hidden files of a reel that are more than a day old, and what an edition left that numbered its
    claims and folders by processes. A set of files in the making is not looked at: only its lock tells of it."""
    oldest = time.time() - STALE_S
    for path in out.glob(f".{glob.escape(prefix)}_*"):
        with suppress(OSError):
            if path.suffix not in (".part", ".claim") or path.stat().st_mtime > oldest:
                continue
            if not path.is_dir():
                path.unlink()
            elif NUMBERED.search(path.name):
                shutil.rmtree(path)
