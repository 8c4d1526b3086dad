"""Write a batch as an Open Job Description template, for openjd-cli, Deadline Cloud and other runners.

The folder holds ``template.json`` (jobtemplate-2023-09, no extensions) and one jobs file for each task,
``parts/1.toml`` and so on. A task is ``pisada batch`` of its file. Every task has its own output folder with its own
journal. So tasks run side by side on several hosts, and a repeated task does only what is missing. The jobs files use
absolute paths; these and the output folder must be reachable from every host.
"""

from __future__ import annotations

import heapq
import json
from pathlib import Path

import tomli_w

from plugin_backend.output_files import disk_error, make_folder, make_folder_atomically, write_atomically
from render.batch.jobs.job import Job
from render.batch.planning import BatchPlan, Planned

TASK_CUES = 5_000
"""About how many cues a task has: some minutes of a core."""
TASK_JOBS = 500
"""About how many jobs a task has at most, so that its jobs file stays small enough to read."""
TEMPLATE, PARTS = "template.json", "parts"


def write_openjd(plan: BatchPlan, folder: Path, out: Path, task_cues: int = TASK_CUES, command: str = "pisada") -> Path:
    """Write the template of a whole batch, finished jobs included, into ``folder/PARTS`` and ``folder/TEMPLATE``.

    Jobs that cannot run are included; their task reports them.

    Args:
        plan: the planned batch.
        folder: missing, or left by an earlier call.
        out: where tasks deliver, each into ``part-N``; can be changed on submission.
        task_cues: about how many cues a task has; a job is never split.
        command: the command that starts Pisada on the hosts; can be changed on submission.

    Returns:
        The template's path.

    Raises:
        OutputError: ``folder`` cannot be written.
        DiskFullError: the disk is full.
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
    """Delete the parts of an earlier call. Raises OSError if anything else is there."""
    if parts.exists():
        for file in parts.glob("[0-9]*.toml"):
            file.unlink()
        parts.rmdir()


def parts_of(jobs: tuple[Planned, ...], task_cues: int) -> list[list[Planned]]:
    """Return the jobs in groups of about equal cues: the largest job first, each to the group with the fewest cues."""
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
    """Return the template of so many tasks."""
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
    """Return a jobs file that reads as these jobs."""
    return tomli_w.dumps({"schema": 1, "jobs": [{"name": job.name} | job.fields for job in jobs]})
