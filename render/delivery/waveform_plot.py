"""Plot a delivery as PNG: the level of each stem in dB, with its cues above, all on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from presets.store import SUFFIX
from render.delivery.plot_ticks import ticks_of
from render.plan.plan import Event, Plan
from render.project.project import Project
from render.wav.stem_statistics import StemStatistics

COLUMNS = 1600
COLOURS = ("#4cc9f0", "#f9c74f", "#90be6d", "#f3722c", "#b388eb", "#43aa8b", "#f94144", "#e0e1dd")
INK, PAPER, GRID, FINE = "#e0e1dd", "#14171c", "#3a414d", "#20252d"

FLOOR_DB, GRID_DB = -60, 12
LANE_DB, NAMES_DB, TOP_DB = 5, 10, 22
"""Positions above the loudest level: of cues, of preset names, and of the end of a panel."""

MOST_CUES = 300
"""Most cues of a stem that are drawn one by one. For more cues their density is drawn."""

BIN_COLUMNS = 8
DPI, NAME_POINTS = 100, 7.0
LETTER = 0.6
"""Width of a letter, relative to its height."""


def outline_db(peaks: np.ndarray) -> np.ndarray:
    """Return the highest block peak in each plot column.

    Args:
        peaks: highest absolute sample of each block of a stem.

    Returns:
        ``[COLUMNS]`` in dBFS, at least ``FLOOR_DB``.
    """
    highest = np.maximum.reduceat(peaks, np.arange(COLUMNS) * peaks.size // COLUMNS)
    return np.maximum(20 * np.log10(np.maximum(highest, 1e-9)), FLOOR_DB)


def density(events: Sequence[Event], length_samples: int) -> np.ndarray:
    """Return the number of cues that begin in each of ``COLUMNS / BIN_COLUMNS`` equal parts of a file."""
    starts = [event.start_samples for event in events]
    return np.histogram(starts, COLUMNS // BIN_COLUMNS, (0, length_samples))[0]


def names_with_room(
    events: Sequence[Event], pixels_a_sample: float, pixels_a_letter: float, length_samples: float = np.inf
) -> list[Event]:
    """Choose the cues whose preset names are drawn, so that names do not overlap and do not pass the picture's end.

    If the same preset follows itself, only its first cue is named.

    Args:
        events: of one stem, sorted by start.
        pixels_a_sample, pixels_a_letter: scale of the plot.
        length_samples: where the plot ends.
    """
    named: list[Event] = []
    free, last = -np.inf, ""
    for event in events:
        name, at = name_of(event), event.start_samples * pixels_a_sample
        fits = at + len(name) * pixels_a_letter <= length_samples * pixels_a_sample
        if name != last and at >= free and fits:
            named.append(event)
            last, free = name, at + (len(name) + 2) * pixels_a_letter
        elif name != last:
            last = ""  # the next cue is named again
    return named


def name_of(event: Event) -> str:
    """Return the name of a cue's preset, or of its source."""
    return Path(event.preset or event.source or "").name.removesuffix(SUFFIX)


def import_matplotlib() -> None:
    """Import what :func:`draw_waveforms` draws with. It takes half a second."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401


def draw_waveforms(path: Path, plan: Plan, project: Project, statistics: dict[str, StemStatistics]) -> None:
    """Write the plot.

    Args:
        path: PNG file to write.
        plan: gives stems and cues.
        project: gives time base and title.
        statistics: of each stem.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 1.1 + 1.7 * len(plan.stems)), dpi=DPI, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(plan.stems), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    levels = {stem.name: outline_db(statistics[stem.name].peaks) for stem in plan.stems}
    loudest = max(float(level.max()) for level in levels.values())
    top = max(0, GRID_DB * int(np.ceil(loudest / GRID_DB)))
    cues = {stem.name: [event for event in plan.events if event.stem == stem.name] for stem in plan.stems}
    crowds = {name: density(events, plan.length_samples) for name, events in cues.items() if len(events) > MOST_CUES}
    densest = max((int(crowd.max()) for crowd in crowds.values()), default=1)
    edges = np.linspace(0, plan.length_samples, COLUMNS + 1)
    for index, (panel, stem) in enumerate(zip(panels, plan.stems, strict=True)):
        name, colour, events = stem.name, COLOURS[index % len(COLOURS)], cues[stem.name]
        panel.stairs(levels[name], edges, baseline=FLOOR_DB, fill=True, color=colour, linewidth=0)
        text = f"{len(events)} cue{'s' * (len(events) != 1)}"
        if name in crowds:
            bins = np.linspace(0, plan.length_samples, crowds[name].size + 1)
            height = crowds[name] / densest * (TOP_DB - LANE_DB - 2)
            panel.stairs(top + LANE_DB + height, bins, baseline=top + LANE_DB, fill=True, color=colour, alpha=0.7)
            most = crowds[name].max() * plan.sample_rate * 60 * crowds[name].size / plan.length_samples
            text += f"\nup to {most:.0f} a minute"
        else:
            _draw_cues(panel, events, colour, top, plan.length_samples)
        peak = statistics[name].peaks.max(initial=0.0)
        text += f"\n{20 * np.log10(peak):.1f} dBFS" if peak > 0 else "\nsilent"
        panel.set_ylabel(f"{name}\n{text}", color=INK, rotation=0, ha="right", va="center", labelpad=30)
        _draw_scale(panel, top)
    ticks = ticks_of(project.clock(), plan.head_samples, plan.length_samples)
    panels[-1].set_xticks([tick.sample for tick in ticks], [tick.label for tick in ticks])
    panels[0].set_xlim(0, plan.length_samples)
    rate = f" at {project.rate.name} fps" if project.rate else ""
    figure.suptitle(f"{project.show} {project.reel}: {len(plan.events)} cues{rate}", color=INK)
    figure.savefig(path, format="png")


def _draw_cues(panel: Any, events: list[Event], colour: str, top: int, length_samples: int) -> None:
    """Draw the length and start of each cue, and the name of its preset if there is room."""
    starts, ends = ([getattr(event, f"{end}_samples") for event in events] for end in ("start", "end"))
    lane = top + LANE_DB
    panel.hlines([lane] * len(events), starts, ends, colour, linewidth=3, alpha=0.55)
    panel.vlines(starts, lane - 2, lane + 2, INK, linewidth=0.6, alpha=0.8)
    scale = 0.9 * COLUMNS / length_samples, LETTER * NAME_POINTS * DPI / 72
    for event in names_with_room(events, *scale, length_samples):
        panel.text(
            event.start_samples,
            top + NAMES_DB,
            name_of(event),
            color=INK,
            fontsize=NAME_POINTS,
            ha="left",
            va="bottom",
            clip_on=True,
        )


def _draw_scale(panel: Any, top: int) -> None:
    """Draw the level grid, which is the same in all panels."""
    lines = list(range(FLOOR_DB, top + 1, GRID_DB))
    panel.set(ylim=(FLOOR_DB, top + TOP_DB), facecolor=PAPER)
    panel.set_yticks(lines, [f"{line} dB" if line == top else str(line) for line in lines], fontsize=NAME_POINTS)
    panel.tick_params(colors=INK)
    panel.grid(axis="x", color=GRID, linewidth=0.6)
    panel.grid(axis="y", color=FINE, linewidth=0.6)
    panel.set_axisbelow(False)
    for spine in panel.spines.values():
        spine.set_color(GRID)
