"""Listening tests: blind orders, durable answers, and results that a hand can check."""

import csv
import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from plugin_backend.errors import InputError, OutputError, ProjectError
from plugin_backend.evaluation.listening.answers import Answer, Ratings
from plugin_backend.evaluation.listening.listening_test import make_test, pages_of, read_test
from plugin_backend.evaluation.listening.results import careless_raters, condition_results, csv_of, metric_results

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Two versions of three sounds, and the originals."""
    folder, rng = tmp_path_factory.mktemp("versions"), np.random.default_rng(1)
    for condition in ("reference", "model a", "model b"):
        (folder / condition).mkdir()
        for number, name in enumerate(("door", "step", "glass")):
            soundfile.write(folder / condition / f"{name}.wav", rng.uniform(-0.3, 0.3, 800 + 100 * number), RATE_HZ)
    return folder


@pytest.fixture
def ratings(sounds, tmp_path):
    make_test(sounds, tmp_path / "test", "models", "mushra", seed=4)
    return Ratings(tmp_path / "test")


def test_a_test_hides_reference_and_anchors_and_each_rater_has_an_order(ratings):
    test = ratings.test
    assert test == read_test(ratings.folder)
    assert set(test.conditions) == {"reference", "model a", "model b", "anchor 3.5 kHz"}
    lengths = {soundfile.info(ratings.folder / file).frames for item in test.items for file in item.sounds.values()}
    assert lengths == {800, 900, 1000}
    orders = {tuple((page.item, *page.slots) for page in pages_of(test, f"rater {number}")) for number in range(20)}
    assert len(orders) == 20 and pages_of(test, "Ann") == pages_of(test, "Ann")
    for page in pages_of(test, "Ann"):
        assert sorted(page.slots) == sorted(test.conditions) and page.reference
    firsts = {pages_of(test, f"rater {number}")[0].slots[0] for number in range(40)}
    assert firsts == set(test.conditions)


def test_mos_shows_one_sound_a_page(sounds, tmp_path):
    test = make_test(sounds, tmp_path / "mos", "mos", "mos")
    pages = pages_of(test, "Ann")
    assert len(pages) == 9 and {(len(page.slots), page.reference) for page in pages} == {(1, False)}
    assert len({(page.item, page.slots[0]) for page in pages}) == 9


def test_answers_are_kept_told_apart_and_resumed(ratings):
    assert ratings.next_page("Ann") == 0
    ratings.give(Answer("Ann", 0, [100, 50, 40, 10], 12.5))
    ratings.give(Answer("Ben", 2, [1, 2, 3, 4]))
    ratings.give(Answer("Ann", 0, [100, 60, 40, 10], 3, comment="=cmd"))
    with pytest.raises(OutputError, match="another process"):
        Ratings(ratings.folder)
    ratings.close()
    again = Ratings(ratings.folder)
    assert again.raters == ["Ann", "Ben"] and again.next_page("Ann") == 1 and again.next_page("Ben") == 0
    assert again.answer("Ann", 0).scores == [100, 60, 40, 10] and again.answer("Ann", 1) is None
    rows = again.rows()
    slots = again.pages("Ann")[0].slots
    assert [(row.condition, row.score) for row in rows if row.rater == "Ann"] == list(
        zip(slots, [100, 60, 40, 10], strict=True)
    )
    table = list(csv.DictReader(io.StringIO(csv_of(rows))))
    assert len(table) == 8 and table[0]["comment"] == " =cmd" and table[0]["rater"] == "Ann"
    for wrong, message in (
        (Answer("Ann", 3, [1, 2, 3, 4]), "no page 4; the test has 3"),
        (Answer("Ann", 1, [1, 2]), "2 scores for 4"),
        (Answer("Ann", 1, [1, 2, 3, 101]), "from 0 to 100"),
        (Answer("Ann", 1, [1, 2, 3, float("nan")]), "from 0 to 100"),
        (Answer("../x", 1, [1, 2, 3, 4]), "no name of a rater"),
    ):
        with pytest.raises(InputError, match=message):
            again.give(wrong)
    assert again.rows() == rows
    again.close()


def test_results_find_what_was_put_in(ratings, tmp_path):
    """Three raters hear model a 20 above model b; one rates the hidden reference low."""
    truth = {"reference": 98, "model a": 70, "model b": 50, "anchor 3.5 kHz": 20}
    for number, rater in enumerate(("Ann", "Ben", "Cy")):
        for page, shown in enumerate(ratings.pages(rater)):
            scores = [truth[slot] + number - 1 for slot in shown.slots]
            if rater == "Cy":
                scores[shown.slots.index("reference")] = 60
            ratings.give(Answer(rater, page, scores))
    rows = ratings.rows()
    results = condition_results(rows)
    assert [result.condition for result in results] == ["reference", "model a", "model b", "anchor 3.5 kHz"]
    assert (results[1].mean, results[1].low, results[1].high, results[1].count) == (70, 69, 71, 9)
    assert careless_raters(rows) == ["Cy"]
    lines = [f"{item},{condition},{-value},x" for item in ("door", "step") for condition, value in truth.items()]
    (tmp_path / "metrics.csv").write_text("item,condition,distance,word\n" + "\n".join(lines) + "\n")
    (metric,) = metric_results(rows, tmp_path / "metrics.csv")
    assert metric.metric == "distance" and metric.count == 8
    assert metric.pearson[0] < -0.95 and metric.spearman[0] == pytest.approx(-1)
    (tmp_path / "metrics.csv").write_text("item,distance\ndoor,1\n")
    with pytest.raises(InputError, match="no column 'condition'"):
        metric_results(rows, tmp_path / "metrics.csv")
    ratings.close()


def test_what_makes_no_test_is_refused(sounds, tmp_path):
    with pytest.raises(ProjectError, match="holds no folders"):
        make_test(tmp_path, tmp_path / "t", "t", "mos")
    with pytest.raises(ProjectError, match="no name of a test"):
        make_test(sounds, tmp_path / "t", "../t", "mos")
    with pytest.raises(ProjectError, match="there already"):
        make_test(sounds, tmp_path, "t", "mos")
    (tmp_path / "versions" / "a").mkdir(parents=True)
    soundfile.write(tmp_path / "versions" / "a" / "x.wav", np.zeros(10), RATE_HZ)
    with pytest.raises(ProjectError, match="needs the originals"):
        make_test(tmp_path / "versions", tmp_path / "t", "t", "mushra")
    assert not (tmp_path / "t").exists()


def test_a_kill_loses_no_acknowledged_answer(sounds, tmp_path):
    make_test(sounds, tmp_path / "test", "models", "mos")
    code = (
        "import sys, pathlib\nfrom plugin_backend.evaluation.listening.answers import Answer, Ratings\n"
        "ratings = Ratings(pathlib.Path(sys.argv[1]))\n"
        "for n in range(10**6):\n    ratings.give(Answer(f'r{n}', 0, [3]))\n    print(n, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "test"], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if int(line) == 15:
            process.kill()
            break
    acknowledged = [15, *(int(line) for line in process.stdout if line.endswith("\n"))][-1]
    process.wait()
    ratings = Ratings(tmp_path / "test")
    assert {f"r{number}" for number in range(acknowledged + 1)} <= set(ratings.raters)
    ratings.close()
