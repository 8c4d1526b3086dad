"""Names of delivered files, such as ``SHOW_R1_FOLEY-FEET_v003_48k_24b_23976.wav``, and their common version number."""

from __future__ import annotations

import re
from pathlib import Path

from render.plan.plan import Plan, stem_layout
from render.project.channel_layout import LAYOUTS, widest
from render.project.name_template import fill
from render.project.project import SAMPLE_RATE, Project
from render.project.stem_names import SUM

BITS = {16: "16b", 24: "24b", 32: "32f"}
UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
LONGEST_ID = 48


def run_prefix(project: Project) -> str:
    """Return ``SHOW_R1``, the start of the names of a reel's reports, plots and clip folders."""
    return f"{_plain(project.show)}_{_plain(project.reel)}"


def stem_name(project: Project, stem: str, version: int | str, layout: str) -> str:
    """Return the file name of a stem or of the sum, by the project's pattern.

    Args:
        project: gives the pattern and its fields.
        stem: name of the stem, or FOLEY.
        version: version number, or other text in its place.
        layout: name of the stem's layout.
    """
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
    """Return stem name → layout name; FOLEY, the sum, is last."""
    layouts = {stem.name: stem_layout(stem).name for stem in plan.stems}
    return {**layouts, SUM: widest(LAYOUTS[name] for name in layouts.values()).name}


def stem_names(plan: Plan, project: Project, version: int) -> dict[str, str]:
    """Return stem name → file name; FOLEY is last.

    Args:
        plan: gives the stems.
        project: gives the pattern and its fields.
        version: version number.
    """
    return {stem: stem_name(project, stem, version, layout) for stem, layout in layouts_of(plan).items()}


def next_version(plan: Plan, project: Project, folder: Path) -> int:
    """Return one more than the reel's highest version in a folder. So no existing file is overwritten.

    Versions are read from the names of reports, which do not depend on the pattern, and of stems by today's pattern.

    Args:
        plan: gives the stems.
        project: gives the reel and the pattern.
        folder: folder of the deliveries.
    """
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    heads = [f"{run_prefix(project)}_{SUM}_v"]
    heads += [stem_name(project, stem, "\0", layout).split("\0")[0] for stem, layout in layouts_of(plan).items()]
    shape = re.compile(rf"(?:{'|'.join(map(re.escape, heads))})([0-9]{{3,9}})(?![0-9]).*", re.IGNORECASE | re.DOTALL)
    version = 1 + max((int(match[1]) for name in names if (match := shape.fullmatch(name))), default=0)
    taken = {name.casefold() for name in names}
    while any(name.casefold() in taken for name in stem_names(plan, project, version).values()):
        version += 1
    return version


def newest_report(project: Project, folder: Path) -> Path | None:
    """Return the report of the reel's highest version in a folder, or None."""
    shape = re.compile(rf"{re.escape(run_prefix(project))}_{SUM}_v([0-9]{{3,9}})_report\.json")
    paths = folder.iterdir() if folder.is_dir() else ()
    versions = {int(match[1]): path for path in paths if (match := shape.fullmatch(path.name))}
    return versions[max(versions)] if versions else None


def plot_name(project: Project, version: int) -> str:
    """Return the file name of a version's plot."""
    return f"{run_prefix(project)}_{SUM}_v{version:03d}_cues.png"


def report_name(project: Project, version: int) -> str:
    """Return the file name of a version's report. ``report.json`` is a copy of the newest version's."""
    return f"{run_prefix(project)}_{SUM}_v{version:03d}_report.json"


def clips_name(project: Project, version: int) -> str:
    """Return the name of a version's folder of clips."""
    return f"{run_prefix(project)}_{SUM}_v{version:03d}_clips"


def clip_names(plan: Plan) -> list[str]:
    """Return a file name for each event: its number, stem and id, in characters that all file systems allow."""
    digits = max(4, len(str(len(plan.events))))
    return [
        f"{number:0{digits}d}_{event.stem}_{UNSAFE.sub('-', event.id)[:LONGEST_ID].strip('-') or 'cue'}.wav"
        for number, event in enumerate(plan.events, start=1)
    ]


def _plain(name: str) -> str:
    return name.replace(" ", "-")
