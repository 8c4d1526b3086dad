"""Read a jobs file, TOML or CSV."""

from __future__ import annotations

from pathlib import Path

from plugin_backend.errors import JobsError
from render.batch.jobs.csv_jobs import read_csv_jobs
from render.batch.jobs.job import MOST_JOBS, Job, Jobs, is_utf8
from render.batch.jobs.toml_jobs import read_toml_jobs

READERS = {".toml": read_toml_jobs, ".csv": read_csv_jobs}


def read_jobs(path: Path) -> Jobs:
    """Read a jobs file, ``.toml`` or ``.csv``. The files that it names are not opened yet.

    Raises:
        JobsError: it cannot be read, or its content is wrong; names file and field, or row and column.
        ProjectError: not TOML, or a field out of range.
    """
    path = Path(path)
    if path.suffix.lower() not in READERS:
        raise JobsError("a jobs file ends in .toml or .csv", file=path)
    if not is_utf8(path.absolute()):
        raise JobsError("needs a path in UTF-8", file=ascii(str(path)))
    jobs = READERS[path.suffix.lower()](path)
    if not jobs.jobs:
        raise JobsError("it holds no job", file=path)
    _check_names(jobs)
    return jobs


def _check_names(jobs: Jobs) -> None:
    if len(jobs.jobs) > MOST_JOBS:
        raise JobsError(f"more than {MOST_JOBS} jobs", file=jobs.file)
    first: dict[str, Job] = {}
    for job in jobs.jobs:
        other = first.setdefault(job.name.casefold(), job)
        if other is not job:
            raise JobsError(f"{job.where}: '{job.name}' is {other.where} too (capitals do not count)", file=jobs.file)
