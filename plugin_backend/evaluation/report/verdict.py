"""The verdict: the result of an evaluation in plain words, at the top of the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plugin_backend.evaluation.metrics.score_clips import CODEC, START
from plugin_backend.evaluation.report import html

SAME_SHARE = 0.03
"""Numbers that differ by less than this share count as the same."""


@dataclass(frozen=True)
class Question:
    """One line of the verdict.

    Attributes:
        text: the question, in plain words.
        metric: that decides the grade, as in ``metrics.json``.
        number: of the metric, as in ``metrics.json``.
        rising: whether more is better.
        grades: the number each grade needs, and its words; the last needs none.
        form: how the number is shown.
    """

    text: str
    metric: str
    number: str
    rising: bool
    grades: tuple[tuple[float, str], ...]
    form: str

    def value(self, scores: dict) -> float | None:
        """Return the number of one system, or ``None``."""
        return scores.get(self.metric, {}).get(self.number)

    def words(self, value: float) -> str:
        """Return the grade of a number."""
        return next(word for least, word in self.grades if (value >= least) == self.rising or value == least)

    def worst(self, rows: list[dict]) -> int | None:
        """Return which of a system's rows, one per clip, is worst; ``None`` if the metric is not one of clips."""
        values = {at: np.median(row[self.metric]) for at, row in enumerate(rows) if np.size(row.get(self.metric, []))}
        chosen = min if self.rising else max
        return chosen(values, key=lambda at: values[at]) if values else None

    def compared(self, mine: float, other: float) -> str:
        """Return ``better``, ``worse`` or ``the same``, compared with another's number."""
        if abs(mine - other) <= SAME_SHARE * max(abs(mine), abs(other)):
            return "the same"
        return "better" if (mine > other) == self.rising else "worse"


WORST, BEST = float("-inf"), float("inf")
QUESTIONS = (
    Question(
        "Does it sound like the recording?",
        "visqol",
        "mean",
        True,
        ((4.0, "almost equal"), (3.0, "similar"), (2.0, "recognisable"), (WORST, "different")),
        "{:.1f} of 5 (ViSQOL)",
    ),
    Question(
        "Is its tone colour kept?",
        "log_mel_error_db",
        "mean",
        False,
        ((3.0, "kept"), (6.0, "a little changed"), (BEST, "changed")),
        "{:.1f} dB off (mel bands)",
    ),
    Question(
        "Are onsets at the right time?",
        "onset_error_ms",
        "median",
        False,
        ((1.0, "at the right time"), (3.0, "almost at the right time"), (BEST, "at the wrong time")),
        "{:.1f} ms off",
    ),
    Question(
        "Are hits as strong as in the recording?",
        "peak_error_db",
        "median",
        False,
        ((1.0, "as strong"), (3.0, "almost as strong"), (BEST, "stronger or weaker")),
        "{:.1f} dB off",
    ),
    Question(
        "Do all sounds together have the same character?",
        "frechet_yamnet",
        "mean",
        False,
        ((60.0, "the same"), (150.0, "similar"), (BEST, "another")),
        "{:.0f} apart (Fréchet, YAMNet)",
    ),
)
COLOUR = next(question for question in QUESTIONS if question.metric == "log_mel_error_db")
"""The question that every clip has a number for."""


def section(metrics: dict, listen: Callable[[Question], str]) -> str:
    """Return the verdict as the first section of a page.

    Args:
        metrics: as in ``metrics.json``.
        listen: returns a cell with players for a question.
    """
    scores, start = metrics["metrics"], metrics["metrics"].get(START)
    values = [(question, question.value(scores[CODEC])) for question in QUESTIONS]
    rows: list[list[str]] = []
    comparisons: list[str] = []
    for question, value in values:
        if value is None:
            continue
        row = [question.text, question.words(value), question.form.format(value)]
        other = question.value(start) if start else None
        if other is not None:
            comparisons.append(question.compared(value, other))
            row += [question.form.format(other), comparisons[-1]]
        rows.append([*row, listen(question)])
    name = metrics["model"].get("started_from")
    columns = [f"{name}, its start model", "compared with it"] if comparisons else []
    header = ["", "this model", "in numbers", *columns, "listen"]
    return (
        html.heading("Verdict") + html.paragraph(" ".join(_sentences(metrics, comparisons))) + html.table(header, rows)
    )


def _sentences(metrics: dict, comparisons: list[str]) -> list[str]:
    data, name = metrics["data"], metrics["model"].get("started_from")
    files = f"{data['files']} recording{'s' * (data['files'] != 1)}"
    known = (
        " that it was not trained on" if data["unseen_in_training"] else "; it may have been trained on some of them"
    )
    lines = [f"Evaluated on {files}{known}."]
    if comparisons:
        better, worse, count = comparisons.count("better"), comparisons.count("worse"), len(comparisons)
        lines.append(f"Compared with '{name}', its start model: better in {better} of {count}, worse in {worse}.")
    elif name is not None:
        lines.append(f"Its training started from '{name}', which is not on this machine, so they are not compared.")
    if metrics["protocol"]["quick"]:
        lines.append("This was a quick run: repeat it without --quick before you rely on it.")
    return lines
