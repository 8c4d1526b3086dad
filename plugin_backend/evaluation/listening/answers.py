"""The answers of all raters of a test. Each is on disk before the next page is shown, and can be given again."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from plugin_backend.durable_log import DurableLog
from plugin_backend.errors import InputError, OutputError
from plugin_backend.evaluation.listening.listening_test import (
    NAME,
    NAME_RULE,
    SCALES,
    Page,
    pages_of,
    read_test,
)
from plugin_backend.text import in_one_line

LOG_FILE = "answers.log"
KIND = "listening answers 1"
MOST_RATERS = 10_000


class Answer(msgspec.Struct, frozen=True):
    """What one rater said about one page.

    Attributes:
        rater: who.
        page: number of the page, from 0.
        scores: one for each slot of the page.
        seconds: how long the page was shown.
        utc: when, ISO 8601.
        comment: free text.
    """

    rater: str
    page: Annotated[int, Meta(ge=0)]
    scores: list[float]
    seconds: Annotated[float, Meta(ge=0)] = 0.0
    utc: str = ""
    comment: Annotated[str, Meta(max_length=2000)] = ""


class RatedSound(msgspec.Struct, frozen=True):
    """One score, with what it is about.

    Attributes:
        rater, item, condition: who rated what.
        score: as given.
        page, slot: where it was shown, from 0.
        seconds, utc, comment: of the answer.
    """

    rater: str
    item: str
    condition: str
    score: float
    page: int
    slot: int
    seconds: float
    utc: str
    comment: str


class Ratings:
    """An open test with its answers.

    Attributes:
        test: the test.
        folder: its folder.
        findings: damage of the log that was repaired.
    """

    def __init__(self, folder: Path):
        self.folder, self.test = folder, read_test(folder)
        self._log = DurableLog.open(folder / LOG_FILE, KIND)
        self._lock = threading.Lock()
        self.findings = list(self._log.findings)
        self._answers: dict[tuple[str, int], Answer] = {}
        self._pages: dict[str, list[Page]] = {}
        try:
            for record in self._log.records:
                self._take(msgspec.convert(record, Answer))
        except (msgspec.ValidationError, InputError) as problem:
            self._log.close()
            raise OutputError(
                f"{folder / LOG_FILE}: an answer does not fit the test: {in_one_line(problem)}"
            ) from problem

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    @property
    def raters(self) -> list[str]:
        """Who has answered, in the order of the first answers."""
        return list(dict.fromkeys(rater for rater, _ in self._answers))

    def pages(self, rater: str) -> list[Page]:
        """Return the pages of a rater, in their own order.

        Raises:
            InputError: no allowed name, or there are too many raters.
        """
        if not NAME.fullmatch(rater):
            raise InputError(f"{rater!r} is no name of a rater: {NAME_RULE}")
        if rater not in self._pages:
            if len(self._pages) >= MOST_RATERS:
                raise InputError(f"a test has at most {MOST_RATERS} raters")
            self._pages[rater] = pages_of(self.test, rater)
        return self._pages[rater]

    def answer(self, rater: str, page: int) -> Answer | None:
        """Return what a rater answered on a page last; ``None`` if nothing yet."""
        return self._answers.get((rater, page))

    def next_page(self, rater: str) -> int | None:
        """Return the first page that a rater has not answered; ``None`` if all are."""
        pages = range(len(self.pages(rater)))
        return next((page for page in pages if (rater, page) not in self._answers), None)

    def give(self, answer: Answer) -> Answer:
        """Store an answer. When this returns, it is on disk. A second answer to a page replaces the first.

        Raises:
            InputError: no such page, another number of scores, or a score outside the scale.
            OutputError, DiskFullError: it cannot be written; nothing is stored.
        """
        answer = msgspec.structs.replace(answer, utc=datetime.now(UTC).isoformat(timespec="milliseconds"))
        with self._lock:
            self._check(answer)
            self._log.append([answer])
            self._answers[answer.rater, answer.page] = answer
        return answer

    def rows(self) -> list[RatedSound]:
        """Return every score that counts, by rater and page."""
        return [
            RatedSound(rater, page.item, condition, score, number, slot, answer.seconds, answer.utc, answer.comment)
            for (rater, number), answer in sorted(self._answers.items())
            for page in (self.pages(rater)[number],)
            for slot, (condition, score) in enumerate(zip(page.slots, answer.scores, strict=True))
        ]

    def _take(self, answer: Answer) -> None:
        self._check(answer)
        self._answers[answer.rater, answer.page] = answer

    def _check(self, answer: Answer) -> None:
        pages = self.pages(answer.rater)
        if answer.page >= len(pages):
            raise InputError(f"there is no page {answer.page + 1}; the test has {len(pages)}")
        slots, (low, high) = pages[answer.page].slots, SCALES[self.test.kind]
        if len(answer.scores) != len(slots):
            raise InputError(f"{len(answer.scores)} scores for {len(slots)} sounds")
        for score in answer.scores:
            if not low <= score <= high:  # also refuses NaN
                raise InputError(f"a score of {score:g}; the scale goes from {low} to {high}")
