"""Names of delivered files: ``SHOW_R1_FOLEY-FEET_v003_48k_24b_23976.wav``."""

from __future__ import annotations

import re
from pathlib import Path

from render.project import SAMPLE_RATE, SUM, Project


def run_prefix(project: Project) -> str:
    """``SHOW_R1``: what all files of a reel begin with."""
    return f"{project.show.replace(' ', '-')}_{project.reel.replace(' ', '-')}"


def next_version(project: Project, folder: Path) -> int:
    """One more than the highest version of this reel in ``folder``; delivered files are never overwritten."""
    shape = re.compile(rf"{re.escape(run_prefix(project))}_{SUM}_v(\d{{3,}})_.*")
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return 1 + max((int(found[1]) for name in names if (found := shape.fullmatch(name))), default=0)


def stem_name(project: Project, stem: str, version: int) -> str:
    """File name of a stem, or of the sum."""
    track = SUM if stem == SUM else f"{SUM}-{stem}"
    bits = "24b" if project.bits == 24 else "32f"
    parts = [run_prefix(project), track, f"v{version:03d}", f"{SAMPLE_RATE // 1000}k", bits]
    if project.rate is not None:
        parts.append(project.rate.name.replace(".", ""))
    return "_".join(parts) + ".wav"


def picture_name(project: Project, version: int) -> str:
    """File name of the run's picture."""
    return f"{run_prefix(project)}_{SUM}_v{version:03d}_cues.png"


def report_name(project: Project, version: int) -> str:
    """File name of the run's report; ``report.json`` beside it is the newest run's."""
    return f"{run_prefix(project)}_{SUM}_v{version:03d}_report.json"
