"""Write the results of ``pisada picture-metrics``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from plugin_backend.evaluation.metrics.rating_correlation import Correlation
from plugin_backend.evaluation.picture_fit import METRICS, Fit
from plugin_backend.evaluation.report.html import number
from plugin_backend.evaluation.report.picture_fit_page import picture_fit_page
from plugin_backend.output_files import disk_error, write_atomically
from studio.terminal.tables import print_table


def write_results(fits: list[Fit], agreed: dict[str, dict[str, Correlation]], method: str, out: Path) -> list[Path]:
    """Write ``metrics.json`` and ``report.html`` into a folder, and print the mean of each scene's best candidates.

    Args:
        fits: of all rows.
        agreed: correlations with ratings.
        method: space, distance and mode in words.
        out: the folder; it is made if it is absent.

    Raises:
        OutputError: the folder cannot be written.
        DiskFullError: the disk is full.
    """
    scenes = {}
    for scene in dict.fromkeys(fit.row.scene for fit in fits):
        best = [fit for fit in fits if fit.row.scene == scene and fit.place == 1]
        known = {name: [value for fit in best if (value := getattr(fit, name)) is not None] for name in METRICS}
        scenes[scene] = {name: sum(values) / len(values) if values else None for name, values in known.items()}
    record = {
        "method": method,
        "scenes": scenes,
        "agreement": {name: {way: asdict(one) for way, one in of.items()} for name, of in agreed.items()},
        "rows": [
            {**asdict(fit), "row": {name: _plain(value) for name, value in asdict(fit.row).items()}} for fit in fits
        ],
    }
    contents = {
        "metrics.json": json.dumps(record, indent=2, ensure_ascii=False) + "\n",
        "report.html": picture_fit_page(fits, agreed, method),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            with write_atomically(out / name) as temporary:
                temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as problem:
        raise disk_error(problem, out) from problem
    rows = [(scene, *(number(value, "{:.3f}") for value in of.values())) for scene, of in scenes.items()]
    print_table(("scene", *METRICS), rows)
    return [out / name for name in contents]


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
