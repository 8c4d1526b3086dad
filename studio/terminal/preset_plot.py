"""A preset's latents as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plugin_backend.output_files import disk_error, write_atomically
from presets.preset import Preset
from render.delivery.waveform_plot import INK, PAPER

MOST_TAKES, COLUMNS = 16, 4
LIMIT = 3.0
"""Colours reach from −3 to 3: latents have about unit variance."""


def draw_latents(path: Path, preset: Preset) -> None:
    """Write a PNG: of each take (the first 16) frames from left to right, dimensions from top to bottom.

    Raises:
        OutputError: it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = preset.means[:MOST_TAKES]
    rows = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(14, 1.0 + 2.0 * rows), dpi=100, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, min(COLUMNS, len(shown)), squeeze=False).ravel()
    image = None
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    for number, (panel, mean) in enumerate(zip(panels, shown, strict=False)):
        image = panel.imshow(
            np.asarray(mean).T, aspect="auto", interpolation="nearest", cmap="RdBu_r", vmin=-LIMIT, vmax=LIMIT
        )
        panel.set_title(f"take {number}: {len(mean)} frames", color=INK, fontsize=8)
        panel.tick_params(colors=INK, labelsize=7)
        panel.xaxis.get_major_locator().set_params(integer=True)
    bar = figure.colorbar(image, ax=panels.tolist(), shrink=0.8)
    bar.ax.tick_params(colors=INK, labelsize=7)
    left = f", the first {len(shown)} shown" if len(shown) < len(preset.means) else ""
    figure.suptitle(f"{preset.name}: {len(preset.means)} takes{left}; latents by frame", color=INK)
    try:
        with write_atomically(path) as temporary:
            figure.savefig(temporary, format="png")
    except OSError as problem:
        raise disk_error(problem, path.parent) from problem
