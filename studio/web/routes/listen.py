"""Routes of the pane Listen: tests, pages of a rater, durable answers, results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from plugin_backend.errors import InputError
from plugin_backend.evaluation.listening.answers import Answer
from plugin_backend.evaluation.listening.listening_test import SCALES, Kind, make_test
from plugin_backend.evaluation.listening.results import (
    ConditionResult,
    MetricResult,
    careless_raters,
    condition_results,
    csv_of,
    metric_results,
)
from studio.web.endpoints import Endpoint, File, Nothing
from studio.web.listening import close_ratings, ratings_of, sound_of, sources_of, test_folder, test_names
from studio.web.sessions import Session

Text = Annotated[str, Meta(max_length=64)]
Page = Annotated[int, Meta(ge=0, le=100_000)]


class ListeningView(msgspec.Struct, frozen=True):
    """A test in the list.

    Attributes:
        name: of the test.
        kind: ``mos`` or ``mushra``.
        items, conditions, raters: how many.
    """

    name: str
    kind: str
    items: int
    conditions: int
    raters: int


class ListeningTests(msgspec.Struct, frozen=True):
    """All tests, and the folders of the project that new ones can be made of."""

    tests: list[ListeningView]
    sources: list[str]


class NewTest(msgspec.Struct, frozen=True):
    """A test to make.

    Attributes:
        name: of the test.
        kind: ``mos`` or ``mushra``.
        source: a folder of the listing.
        question: shown on every page.
        seed: of the orders.
    """

    name: Text
    kind: Kind
    source: Annotated[str, Meta(max_length=256)]
    question: Annotated[str, Meta(max_length=500)] = ""
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 1


class OfTest(msgspec.Struct, frozen=True):
    """A test by its name."""

    test: Text


class OfRater(msgspec.Struct, frozen=True):
    """A rater of a test."""

    test: Text
    rater: Text


class OfPage(msgspec.Struct, frozen=True):
    """A page of a rater."""

    test: Text
    rater: Text
    page: Page


class OfSound(msgspec.Struct, frozen=True):
    """A sound of a page; −1 is the open reference."""

    test: Text
    rater: Text
    page: Page
    slot: Annotated[int, Meta(ge=-1, le=64)]


class PageView(msgspec.Struct, frozen=True):
    """What a rater sees: letters, no names.

    Attributes:
        page, pages: number of the page from 0, and how many there are.
        answered: how many pages the rater has answered.
        slots: how many sounds.
        reference: whether the reference can be heard openly.
        kind, low, high: the scale.
        question: of the test.
        scores: what the rater answered here before; empty for nothing.
    """

    page: int
    pages: int
    answered: int
    slots: int
    reference: bool
    kind: str
    low: int
    high: int
    question: str
    scores: list[float]


class GivenAnswer(msgspec.Struct, frozen=True):
    """An answer to a page."""

    test: Text
    rater: Text
    page: Page
    scores: Annotated[list[float], Meta(max_length=64)]
    seconds: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    comment: Annotated[str, Meta(max_length=2000)] = ""


class Next(msgspec.Struct, frozen=True):
    """The next page that is not answered; −1 if all are."""

    page: int


class Results(msgspec.Struct, frozen=True):
    """Results of a test.

    Attributes:
        kind, low, high: the scale.
        conditions: the best first.
        raters: rater → how many pages were answered.
        careless: raters who often scored the hidden reference low.
    """

    kind: str
    low: int
    high: int
    conditions: list[ConditionResult]
    raters: dict[str, int]
    careless: list[str]


class Metrics(msgspec.Struct, frozen=True):
    """How metrics agree with the mean scores."""

    metrics: list[MetricResult]


def list_tests(session: Session, request: Nothing) -> ListeningTests:
    """List all tests."""
    views = []
    for name in test_names(session.settings):
        ratings = ratings_of(session.settings, name)
        test = ratings.test
        views.append(ListeningView(name, test.kind, len(test.items), len(test.conditions), len(ratings.raters)))
    return ListeningTests(views, list(sources_of(session.settings)))


def new_test(session: Session, request: NewTest) -> ListeningTests:
    """Make a test of a folder that holds a folder for each version."""
    sources = sources_of(session.settings)
    if request.source not in sources:
        known = ", ".join(sources) or "none"
        raise InputError(f"no folder {request.source!r} of versions in the project; there are {known}")
    folder = test_folder(session.settings, request.name)
    make_test(sources[request.source], folder, request.name, request.kind, request.seed, request.question)
    return list_tests(session, Nothing())


def start(session: Session, request: OfRater) -> Next:
    """Return the first page that a rater has not answered."""
    found = ratings_of(session.settings, request.test).next_page(request.rater)
    return Next(-1 if found is None else found)


def show_page(session: Session, request: OfPage) -> PageView:
    """Return a page of a rater."""
    ratings = ratings_of(session.settings, request.test)
    pages = ratings.pages(request.rater)
    if request.page >= len(pages):
        raise InputError(f"there is no page {request.page + 1}; the test has {len(pages)}")
    page, given = pages[request.page], ratings.answer(request.rater, request.page)
    low, high = SCALES[ratings.test.kind]
    answered = sum(ratings.answer(request.rater, number) is not None for number in range(len(pages)))
    return PageView(
        request.page, len(pages), answered, len(page.slots), page.reference, ratings.test.kind, low, high,
        ratings.test.question, given.scores if given is not None else [],
    )  # fmt: skip


def send_sound(session: Session, request: OfSound) -> File:
    """Return a sound of a page: float32, left and right in turn, 48 kHz."""
    ratings = ratings_of(session.settings, request.test)
    audio = sound_of(ratings, request.rater, request.page, request.slot)
    return File(audio.astype("<f4").tobytes(), "application/x-float32")


def answer(session: Session, request: GivenAnswer) -> Next:
    """Keep an answer; it is on disk before the reply."""
    ratings = ratings_of(session.settings, request.test)
    given = Answer(request.rater, request.page, request.scores, request.seconds, comment=request.comment)
    ratings.give(given)
    return start(session, OfRater(request.test, request.rater))


def results(session: Session, request: OfTest) -> Results:
    """Return means with intervals."""
    ratings = ratings_of(session.settings, request.test)
    rows, (low, high) = ratings.rows(), SCALES[ratings.test.kind]
    raters = {rater: len({row.page for row in rows if row.rater == rater}) for rater in ratings.raters}
    return Results(ratings.test.kind, low, high, condition_results(rows), raters, careless_raters(rows))


def results_csv(session: Session, request: OfTest) -> File:
    """Return all scores as CSV."""
    ratings = ratings_of(session.settings, request.test)
    return File(csv_of(ratings.rows()).encode(), "text/csv", f"{request.test}.csv")


def metrics(session: Session, request: OfTest, path: Path) -> Metrics:
    """Return how the metrics of an uploaded CSV agree with the mean scores."""
    return Metrics(metric_results(ratings_of(session.settings, request.test).rows(), path))


ENDPOINTS = (
    Endpoint("GET", "/listen", list_tests, returns=ListeningTests),
    Endpoint("POST", "/listen/new", new_test, NewTest, ListeningTests, slow=True),
    Endpoint("POST", "/listen/start", start, OfRater, Next),
    Endpoint("GET", "/listen/page", show_page, OfPage, PageView),
    Endpoint("GET", "/listen/sound", send_sound, OfSound, File),
    Endpoint("POST", "/listen/answer", answer, GivenAnswer, Next),
    Endpoint("GET", "/listen/results", results, OfTest, Results),
    Endpoint("GET", "/listen/results.csv", results_csv, OfTest, File),
    Endpoint("PUT", "/listen/metrics", metrics, OfTest, Metrics, upload=True),
)
close = close_ratings
"""Called at the end of the server."""
