"""Names of delivered files: ``SHOW_R1_FOLEY-FEET_v003_48k_24b_23976.wav``, and the version they share."""

from __future__ import annotations

import re
from pathlib import Path

from render.plan.plan import Plan
from render.project.channel_layout import LAYOUTS, widest
from render.project.name_template import fill
from render.project.project import SAMPLE_RATE, SUM, Project

BITS = {16: "16b", 24: "24b", 32: "32f"}
UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
LONGEST_ID = 48


def run_prefix(project: Project) -> str:
    """``SHOW_R1``: what reports, pictures and clip folders of a reel begin with."""
    return f"{_plain(project.show)}_{_plain(project.reel)}"


def stem_name(project: Project, stem: str, version: int | str, layout: str) -> str:
    """File name of a stem, or of the sum, by the project's pattern."""
    fields = {
        "show": _plain(project.show),
        "reel": _plain(project.reel),
        "track": SUM if stem == SUM else f"{SUM}-{stem}",
        "version": version if isinstance(version, str) else f"{version:03d}",
        "rate": f"{SAMPLE_RATE // 1000}k",
        "bits": BITS[project.bits],
        "fps": project.rate.name.replace(".", "") if project.rate is not None else "",
        "take": str(project.take),
        "layout": layout,
    }
    return fill(project.name, fields) + ".wav"


def layouts_of(plan: Plan) -> dict[str, str]:
    """Layout names of a plan's stems, and of their sum last."""
    layouts = {stem.name: stem.layout for stem in plan.stems}
    return {**layouts, SUM: widest(LAYOUTS[name] for name in layouts.values()).name}


def stem_names(plan: Plan, project: Project, version: int) -> dict[str, str]:
    """Stem name → file name, FOLEY last."""
    return {stem: stem_name(project, stem, version, layout) for stem, layout in layouts_of(plan).items()}


def next_version(plan: Plan, project: Project, folder: Path) -> int:
    """One more than the reel's highest version in ``folder``; what is there is never overwritten.

    Versions are those of reports, whose names no pattern changes, and of stems under the present one.
    """
    there = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    heads = [f"{run_prefix(project)}_{SUM}_v"]
    heads += [stem_name(project, stem, "\0", layout).split("\0")[0] for stem, layout in layouts_of(plan).items()]
    shape = re.compile(rf"(?:{'|'.join(map(re.escape, heads))})([0-9]{{3,9}})(?![0-9]).*", re.IGNORECASE | re.DOTALL)
    version = 1 + max((int(found[1]) for name in there if (found := shape.fullmatch(name))), default=0)
    taken = {name.casefold() for name in there}
    while any(name.casefold() in taken for name in stem_names(plan, project, version).values()):
        version += 1
    return version


def newest_report(project: Project, folder: Path) -> Path | None:
    """The report of the reel's highest version in ``folder``, if there is one."""
    shape = re.compile(rf"{re.escape(run_prefix(project))}_{SUM}_v([0-9]{{3,9}})_report\.json")
    there = folder.iterdir() if folder.is_dir() else ()
    versions = {int(found[1]): path for path in there if (found := shape.fullmatch(path.name))}
    return versions[max(versions)] if versions else None


def picture_name(project: Project, version: int) -> str:
    """File name of the run's picture."""
    return f"{run_prefix(project)}_{SUM}_v{version:03d}_cues.png"


def report_name(project: Project, version: int) -> str:
    """File name of the run's report; ``report.json`` beside it is the newest run's."""
    return f"{run_prefix(project)}_{SUM}_v{version:03d}_report.json"


def clips_name(project: Project, version: int) -> str:
    """Name of the run's folder of clips."""
    return f"{run_prefix(project)}_{SUM}_v{version:03d}_clips"


def clip_names(plan: Plan) -> list[str]:
    """A file name for each event, in order: its number, stem and id, in letters any file system takes."""
    digits = max(4, len(str(len(plan.events))))
    return [
        f"{number:0{digits}d}_{event.stem}_{UNSAFE.sub('-', event.id)[:LONGEST_ID].strip('-') or 'cue'}.wav"
        for number, event in enumerate(plan.events, start=1)
    ]


def _plain(name: str) -> str:
    return name.replace(" ", "-")
