"""A batch as an Open Job Description template: for openjd-cli, Deadline Cloud and whoever else runs such jobs.

The folder holds ``template.json`` (jobtemplate-2023-09, no extensions) and one jobs file a task, ``parts/1.toml``
and so on; a task is ``pisada batch`` of its file. Every task has an output folder of its own, with its own journal,
so tasks run side by side on several hosts, and one that is run again does only what is missing. The jobs' files,
named by whole paths, and the output folder must be where every host sees them.
"""

from __future__ import annotations

import heapq
import json
from datetime import datetime
from pathlib import Path

from plugin_backend.output_files import disk_error, make_folder, make_folder_atomically, write_atomically
from render.batch.jobs.job import Job
from render.batch.planning import BatchPlan, Planned

TASK_CUES = 5_000
"""Cues a task has, about: some minutes of a core."""
TASK_JOBS = 500
"""Most jobs a task has, about, so that its jobs file is not too large to be read."""
TEMPLATE, PARTS = "template.json", "parts"


def write_openjd(plan: BatchPlan, folder: Path, out: Path, task_cues: int = TASK_CUES, command: str = "pisada") -> Path:
    """Write the template of a whole batch, done jobs and all, into ``folder/PARTS`` and ``folder/TEMPLATE``.

    Jobs that cannot be run are in it too: their task names them.

    Args:
        folder: absent, or what an earlier call left.
        out: where tasks deliver, each into ``part-N``; may be changed on submission.
        task_cues: cues of a task, about; a job is never split.
        command: what starts Pisada on the hosts; may be changed on submission.

    Returns:
        The template's path.

    Raises:
        OutputError: ``folder`` cannot be written.
        DiskFullError: it does not fit.
    """
    groups = parts_of(plan.jobs, task_cues)
    try:
        with make_folder(folder):
            _clear(folder / PARTS)
            with make_folder_atomically(folder / PARTS) as parts:
                for number, group in enumerate(groups, 1):
                    (parts / f"{number}.toml").write_text(as_toml([planned.job for planned in group]), "utf-8")
            template = template_of(len(groups), Path(out).absolute(), command)
            with write_atomically(folder / TEMPLATE) as file:
                file.write_text(json.dumps(template, indent=2) + "\n", "utf-8")
    except OSError as problem:
        raise disk_error(problem, folder) from problem
    return folder / TEMPLATE


def _clear(parts: Path) -> None:
    """Remove the parts of an earlier call, and nothing else: OSError if there is something else."""
    if parts.exists():
        for file in parts.glob("[0-9]*.toml"):
            file.unlink()
        parts.rmdir()


def parts_of(jobs: tuple[Planned, ...], task_cues: int) -> list[list[Planned]]:
    """Jobs in groups of about equal cues: the largest first, each to the group that has fewest."""
    cues = {planned.job.name: planned.cost.cues if planned.cost else 0 for planned in jobs}
    count = min(len(jobs), max(-(-sum(cues.values()) // task_cues), -(-len(jobs) // TASK_JOBS)))
    groups: list[list[Planned]] = [[] for _ in range(count)]
    filled = [(0, 0, number) for number in range(count)]  # cues, jobs, group
    for planned in sorted(jobs, key=lambda planned: cues[planned.job.name], reverse=True):
        has, size, number = heapq.heappop(filled)
        groups[number].append(planned)
        heapq.heappush(filled, (has + cues[planned.job.name], size + 1, number))
    return groups


def template_of(tasks: int, out: Path, command: str) -> dict:
    """The template of so many tasks."""
    part = "{{Task.Param.Part}}"
    run = ["batch", f"{{{{Param.Parts}}}}/{part}.toml", "--out", f"{{{{Param.Out}}}}/part-{part}"]
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "Pisada batch",
        "parameterDefinitions": [
            {
                "name": "Parts",
                "type": "PATH",
                "objectType": "DIRECTORY",
                "dataFlow": "IN",
                "default": PARTS,
                "description": "Jobs files, one a task.",
            },
            {
                "name": "Out",
                "type": "STRING",
                "default": str(out),
                "description": "Folder on shared storage; every task delivers into its own part of it.",
            },
            {"name": "Command", "type": "STRING", "default": command, "description": "Pisada on the hosts."},
            {"name": "Workers", "type": "INT", "default": 1, "minValue": 1, "maxValue": 512},
        ],
        "steps": [
            {
                "name": "Stems",
                "parameterSpace": {"taskParameterDefinitions": [_part(tasks)]},
                "script": {
                    "actions": {
                        "onRun": {"command": "{{Param.Command}}", "args": [*run, "--workers", "{{Param.Workers}}"]}
                    }
                },
            }
        ],
    }


def _part(tasks: int) -> dict:
    return {"name": "Part", "type": "INT", "range": f"1-{tasks}" if tasks > 1 else "1"}


def as_toml(jobs: list[Job]) -> str:
    """A jobs file that reads as these jobs."""
    tables = ["\n".join(["[[jobs]]", *(f"{key} = {_value(value)}" for key, value in _told(job))]) for job in jobs]
    return "\n\n".join(["schema = 1", *tables]) + "\n"


def _told(job: Job) -> list[tuple[str, object]]:
    return [("name", job.name), *job.fields.items()]


def _value(value: object) -> str:
    """A TOML value: JSON's, but for dates, and for the one control character that JSON lets stand."""
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
