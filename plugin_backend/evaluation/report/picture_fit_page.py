"""The report about how well the sounds of a film fit its frames, as one HTML page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from plugin_backend.evaluation.joint_spaces.images import read_image
from plugin_backend.evaluation.metrics.rating_correlation import Correlation
from plugin_backend.evaluation.picture_fit import METRICS, Fit
from plugin_backend.evaluation.report import html
from plugin_backend.evaluation.report.plots import png

TITLE = "How well sounds fit the frames"
SHOWN_FRAMES, THUMBNAIL_PIXELS = 12, 160
NAMES = {"inconsistency": "inconsistency (Equation 1)", "slerp_distance": "SLERP distance (Equation 3)"}


def picture_fit_page(fits: Sequence[Fit], agreed: dict[str, dict[str, Correlation]], method: str) -> str:
    """Return the page: agreement with listeners, then for each scene its curves, frames and table.

    Args:
        fits: of all rows, in order.
        agreed: correlations of the metrics with ratings.
        method: the space, distance and mode, for the reader.
    """
    page = html.head(TITLE) + html.paragraph(method, note=True)
    page += html.heading("Agreement with listeners") + html.table(
        ["metric", "Pearson", "95 %", "Spearman", "95 %"],
        [[NAMES[name], *_cells(of["pearson"]), *_cells(of["spearman"])] for name, of in agreed.items()],
    )
    page += html.paragraph("Both metrics are distances: a good one has a correlation near −1.", note=True)
    for scene in dict.fromkeys(fit.row.scene for fit in fits):
        page += _scene(scene, [fit for fit in fits if fit.row.scene == scene])
    return page


def _cells(one: Correlation) -> list[str]:
    return [html.number(one.value), "–" if one.value is None else f"{one.low:.2f} to {one.high:.2f}"]


def _scene(scene: str, fits: list[Fit]) -> str:
    page = html.heading(scene) + html.plot(_curves(fits), f"Metrics over the rows of {scene}")
    for file in list(dict.fromkeys(fit.row.frame for fit in fits))[:SHOWN_FRAMES]:
        page += html.plot(_thumbnail(file), file.name)
    rows = [
        [fit.row.frame.name, fit.row.sound.name, fit.row.text, *(html.number(getattr(fit, name)) for name in METRICS),
         str(fit.place), html.number(fit.row.rating)]
        for fit in fits
    ]  # fmt: skip
    return page + html.table(["frame", "sound", "text", *(NAMES[name] for name in METRICS), "place", "rating"], rows)


def _curves(fits: list[Fit]) -> bytes:
    def draw(axes: list[Axes]) -> None:
        for axis, name in zip(axes, METRICS, strict=True):
            best = [(number, getattr(fit, name)) for number, fit in enumerate(fits, 1) if fit.place == 1]
            known = [(number, value) for number, value in best if value is not None]
            axis.plot([number for number, _ in known], [value for _, value in known], marker="o", markersize=3)
            axis.set_title(NAMES[name])
            axis.set_xlabel("row of the scene")

    return png(9, 2.4, len(METRICS), draw)


def _thumbnail(file: Path) -> bytes:
    from PIL import Image

    image = Image.fromarray(read_image(file))
    image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    packed = io.BytesIO()
    image.save(packed, "PNG")
    return packed.getvalue()
