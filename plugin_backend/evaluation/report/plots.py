"""The report's plots, each as the bytes of a PNG file."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plugin_backend.evaluation.data.dense_clips import class_of
from plugin_backend.evaluation.metrics.score_clips import CODEC

DPI, BINS = 100, 24
STYLE = {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "text.parse_math": False}
"""Labels are names of users' folders: a ``$`` in them must not start a formula."""

HISTOGRAMS = {
    "log_mel_error_db": "log-mel error, dB",
    "visqol": "ViSQOL",
    "onset_error_ms": "onset error per hit, ms",
    "peak_error_db": "peak error per hit, dB",
}
MANY = 8
"""With more materials than this, a matrix uses smaller numbers."""


def png(width: float, height: float, columns: int, draw: Callable[[list[Axes]], None]) -> bytes:
    """Return a figure of ``columns`` axes side by side, ``width`` × ``height`` inches, filled by ``draw``.

    Args:
        width: in inches.
        height: in inches.
        columns: number of axes.
        draw: fills the axes.
    """
    with matplotlib.rc_context(cast(Any, STYLE)):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(list(np.atleast_1d(figure.subplots(1, columns))))
        plot = io.BytesIO()
        figure.savefig(plot, dpi=DPI, format="png")
    return plot.getvalue()


def histograms(clips: list[dict]) -> bytes:
    """Plot how errors are distributed over clips or hits: the codec filled, the anchors as outlines."""
    shown = {name: title for name, title in HISTOGRAMS.items() if name in clips[0]}
    systems = list(dict.fromkeys(row["system"] for row in clips))

    def draw(axes: list[Axes]) -> None:
        for axis, (metric, title) in zip(axes, shown.items(), strict=True):
            values = {s: np.hstack([r[metric] for r in clips if r["system"] == s]) for s in systems}
            both = np.concatenate(list(values.values()))
            edges = np.linspace(both.min(initial=0.0), max(float(np.quantile(both, 0.99)), 1e-3), BINS)
            if not both.size:
                edges = np.linspace(0.0, 1.0, BINS + 1)
            for number, (system, numbers) in enumerate(values.items()):
                style = {"histtype": "stepfilled", "alpha": 0.5} if system == CODEC else {"histtype": "step"}
                axis.hist(
                    np.clip(numbers, edges[0], edges[-1]), edges.tolist(), color=f"C{number}", label=system, **style
                )
            axis.set(xlabel=title, ylabel="count")
        axes[0].legend(frameon=False)

    return png(3.2 * len(shown), 2.6, len(shown), draw)


def matrices(names: list[str], tables: dict[str, list[list[float | None]]], labels: tuple[str, str]) -> bytes:
    """Plot matrices of the same rows and columns side by side, on one colour scale; ``labels`` name both.

    Args:
        names: of rows and columns.
        tables: by title.
        labels: of rows and of columns.
    """
    arrays = {title: np.array(rows, float) for title, rows in tables.items()}
    known = np.concatenate([array[np.isfinite(array)] for array in arrays.values()])
    span = (known.min(), known.max()) if known.size else (0.0, 1.0)
    short = [name.removeprefix("footsteps/") for name in names]

    def draw(axes: list[Axes]) -> None:
        for axis, (title, array) in zip(axes, arrays.items(), strict=True):
            axis.imshow(array, cmap="viridis", vmin=span[0], vmax=span[1])
            axis.set_xticks(range(len(short)), short, rotation=60, ha="right")
            axis.set_yticks(range(len(short)), short)
            axis.set(title=title, ylabel=labels[0], xlabel=labels[1])
            for row, column in np.argwhere(np.isfinite(array)):
                value = array[row, column]
                colour = "white" if value < sum(span) / 2 else "black"
                text = f"{value:.2f}" if span[1] < 2 else f"{value:.0f}"
                size = 7 if len(names) <= MANY else 5
                axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)

    side = 1.4 + 0.3 * max(len(names), 6)
    return png(side * len(arrays), side, len(arrays), draw)


def latent_map(data: dict) -> bytes:
    """Plot sounds on the two principal axes, footsteps by material and the rest by class; medians are named."""
    points, labels = np.array(data["points"]), np.array(data["labels"])
    steps = np.array([class_of(label) == "footsteps" for label in labels])

    def draw(axes: list[Axes]) -> None:
        for axis, title, mine in zip(axes, ("footsteps by material", "everything else"), (steps, ~steps), strict=True):
            axis.scatter(points[:, 0], points[:, 1], s=4, color="0.85")
            for number, label in enumerate(sorted(set(labels[mine]))):
                colour = matplotlib.colormaps["tab20"](number % 20)
                members = points[labels == label]
                axis.scatter(members[:, 0], members[:, 1], s=12, color=colour)
                x, y = data["medians"][label]
                axis.scatter(x, y, s=50, marker="D", color=colour, edgecolor="black")
                axis.annotate(label.removeprefix("footsteps/"), (x, y), xytext=(4, 4), textcoords="offset points")
            shares = [
                f"axis {n + 1} ({100 * share:.0f} % of variance)" for n, share in enumerate(data["variance_shares"])
            ]
            axis.set(title=title, xlabel=shares[0], ylabel=shares[1])

    return png(11, 5, 2, draw)


def ways(data: dict, embedding: str) -> bytes:
    """Plot the Fréchet distance to both ends' originals along each path, one line per pair."""

    def draw(axes: list[Axes]) -> None:
        for axis, (path, tables) in zip(axes, data["ways"].items(), strict=True):
            for pair, row in zip(data["pairs"], tables[embedding]["ends"]["distances"], strict=True):
                axis.plot(data["stops"], row, marker=".", label=" → ".join(pair).replace("footsteps/", ""))
            axis.set(title=f"{path}, {embedding}", xlabel="t", ylabel="Fréchet distance to both ends' originals")
            axis.set_ylim(bottom=0)
        axes[-1].legend(frameon=False, fontsize=6, loc="center left", bbox_to_anchor=(1, 0.5))

    return png(10, 3.2, len(data["ways"]), draw)
