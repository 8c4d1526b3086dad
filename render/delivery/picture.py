"""A picture of a run: each stem's waveform with its cues above it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from render.delivery.trail import Trail
from render.events import Plan
from render.project import Project

COLUMNS = 1600
COLOURS = ("#4cc9f0", "#f9c74f", "#90be6d", "#f3722c", "#b388eb", "#43aa8b", "#f94144", "#e0e1dd")
INK, PAPER, GRID = "#e0e1dd", "#14171c", "#2a2f38"


def outline(peaks: np.ndarray) -> np.ndarray:
    """The highest of a stem's block peaks under each picture column, ``[COLUMNS]``."""
    return np.maximum.reduceat(peaks, np.arange(COLUMNS) * peaks.size // COLUMNS)


def draw(path: Path, plan: Plan, project: Project, trails: dict[str, Trail]) -> None:
    """Write the picture as PNG to ``path``, from what was noted of the stems."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    seconds = plan.length_samples / plan.sample_rate
    times = (np.arange(COLUMNS) + 0.5) * seconds / COLUMNS
    figure = Figure(figsize=(16, 1.1 + 1.5 * len(plan.stems)), dpi=100, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(plan.stems), 1, sharex=True, squeeze=False)[:, 0]
    for index, (panel, stem) in enumerate(zip(panels, plan.stems, strict=True)):
        name, colour = stem.name, COLOURS[index % len(COLOURS)]
        peaks = outline(trails[name].peaks)
        top = max(float(peaks.max()), 1e-3)
        panel.fill_between(times, -peaks, peaks, color=colour, linewidth=0.3)
        mine = [event for event in plan.events if event.stem == name]
        starts_s = np.array([event.start_samples for event in mine]) / plan.sample_rate
        ends_s = np.array([event.end_samples for event in mine]) / plan.sample_rate
        panel.hlines(np.full(len(mine), 1.2 * top), starts_s, ends_s, colour, linewidth=3, alpha=0.55)
        panel.vlines(starts_s, 1.1 * top, 1.3 * top, INK, linewidth=0.8)
        level = f"{20 * np.log10(top):.1f} dBFS" if peaks.any() else "silent"
        panel.set_ylabel(f"{name}\n{len(mine)} cues\n{level}", color=INK, rotation=0, ha="right", va="center")
        panel.set(xlim=(0, seconds), ylim=(-1.1 * top, 1.4 * top), yticks=[], facecolor=PAPER)
        panel.tick_params(colors=INK)
        panel.grid(axis="x", color=GRID, linewidth=0.6)
        for spine in panel.spines.values():
            spine.set_color(GRID)
    clock = project.clock()
    ticks = np.linspace(0, seconds, 9)
    labels = [clock.label_at(int(tick * plan.sample_rate) - plan.head_samples) or f"{tick:.1f} s" for tick in ticks]
    panels[-1].set_xticks(ticks, labels)
    rate = f" at {project.rate.name} fps" if project.rate else ""
    figure.suptitle(f"{project.show} {project.reel}: {len(plan.events)} cues{rate}", color=INK)
    figure.savefig(path, format="png")
