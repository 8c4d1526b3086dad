"""One version, one run: a number is claimed before anything is rendered, and what dead runs left is cleared."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from render.delivery.naming import next_version, run_prefix
from render.events import Plan
from render.project import SUM, Project

STALE_S = 24 * 3600


@contextmanager
def claimed_version(plan: Plan, project: Project, out: Path) -> Iterator[int]:
    """A version that no other run has, or takes while this one lasts.

    A run that is killed leaves its claim for a day; only a number is lost by that.

    Raises:
        OSError: ``out`` cannot be written.
    """
    version, claim = next_version(plan, project, out), None
    while claim is None:
        wanted = out / f".{run_prefix(project)}_{SUM}_v{version:03d}.claim"
        try:
            os.close(os.open(wanted, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            version += 1
            continue
        newest = next_version(plan, project, out)
        if newest > version:  # another run finished this very version in between
            wanted.unlink()
            version = newest
        else:
            claim = wanted
    try:
        yield version
    finally:
        claim.unlink(missing_ok=True)


def sweep(out: Path, prefix: str) -> None:
    """Remove the hidden parts, files and folders, and claims of a reel's runs that died more than a day ago."""
    oldest = time.time() - STALE_S
    for path in out.glob(f".{prefix}_*"):
        with suppress(OSError):
            if path.suffix in (".part", ".claim") and path.stat().st_mtime < oldest:
                remove = shutil.rmtree if path.is_dir() else Path.unlink
                remove(path)
