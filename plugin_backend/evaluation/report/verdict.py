"""The verdict: what an evaluation found, in plain words, at the top of the report."""

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
        asked: the question, in plain words.
        metric: of the answer, as in ``metrics.json``.
        number: of the metric, as in ``metrics.json``.
        rising: whether more is better.
        grades: the number each grade needs, and its words; the last needs none.
        form: how the number is shown.
    """

    asked: str
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
        ((4.0, "hardly to be told apart"), (3.0, "much alike"), (2.0, "to be recognised"), (WORST, "unlike")),
        "{:.1f} of 5 (ViSQOL)",
    ),
    Question(
        "Is its colour kept?",
        "log_mel_error_db",
        "mean",
        False,
        ((3.0, "kept"), (6.0, "a little changed"), (BEST, "changed")),
        "{:.1f} dB off (mel bands)",
    ),
    Question(
        "Are attacks where they were?",
        "onset_error_ms",
        "median",
        False,
        ((1.0, "in their place"), (3.0, "nearly in their place"), (BEST, "moved")),
        "{:.1f} ms off",
    ),
    Question(
        "Are hits as strong as they were?",
        "peak_error_db",
        "median",
        False,
        ((1.0, "as strong"), (3.0, "a little off"), (BEST, "stronger or weaker")),
        "{:.1f} dB off",
    ),
    Question(
        "Is it the same world of sound?",
        "frechet_yamnet",
        "mean",
        False,
        ((60.0, "the same"), (150.0, "near to it"), (BEST, "another")),
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
    asked = [(question, question.value(scores[CODEC])) for question in QUESTIONS]
    rows, beside = [], []
    for question, value in asked:
        if value is None:
            continue
        row = [question.asked, question.words(value), question.form.format(value)]
        other = question.value(start) if start else None
        if other is not None:
            beside.append(question.compared(value, other))
            row += [question.form.format(other), beside[-1]]
        rows.append([*row, listen(question)])
    name = metrics["model"].get("started_from")
    columns = [f"{name}, which it started from", "beside it"] if beside else []
    header = ["", "this model", "in numbers", *columns, "listen"]
    return html.heading("Verdict") + html.paragraph(" ".join(_sentences(metrics, beside))) + html.table(header, rows)


def _sentences(metrics: dict, beside: list[str]) -> list[str]:
    data, name = metrics["data"], metrics["model"].get("started_from")
    files = f"{data['files']} recording{'s' * (data['files'] != 1)}"
    unseen = f"Judged on {files} that it never learned from."
    lines = [unseen if data["unseen_in_training"] else f"Judged on {files}, some of which it may have learned from."]
    if beside:
        better, worse = beside.count("better"), beside.count("worse")
        lines.append(f"Beside '{name}', which it started from: better in {better} of {len(beside)}, worse in {worse}.")
    elif name is not None:
        lines.append(f"It started from '{name}', which is not here to be judged beside it.")
    if metrics["protocol"]["quick"]:
        lines.append("This was a quick look: judge again without --quick before you believe it.")
    return lines
