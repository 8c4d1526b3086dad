"""``pisada cues walk``: walks written as steps that can be edited."""

import csv
import dataclasses
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugin_backend.errors import CueSheetError, OutputError
from render.engine.make_plan import make_plan
from render.plan.plan import Plan
from render.plan.resolve import read_sheet
from render.project.project import read_project
from studio.cli import pisada

SHEET = """id,kind,start,duration,stem,preset,character,surface,follow,gain_db,note
D,,01:00:02:00,,PROPS,door-slam,,,,-3,Door
W,walk,01:00:04:00,00:00:08:00,FEET,,Anna,"step-gravel@0, step-wood@00:00:04:12",,,In
X,,01:00:13:01,,FEET,step-wood,Anna,,,,
C,follow,01:00:04:00,12.0,CLOTH,cloth-move,,,FEET,-6,Coat
"""
PROJECT = """schema = 1
fps = "24"
start = "01:00:00:00"
seed = 7
[characters.Anna]
cadence_spm = 100
first_foot = "L"
"""


def run(*arguments: object):
    return CliRunner().invoke(pisada, [str(argument) for argument in arguments])


@pytest.fixture
def sheet(tmp_path) -> Path:
    (tmp_path / "show.toml").write_text(PROJECT)
    (tmp_path / "reel.csv").write_text(SHEET)
    return tmp_path / "reel.csv"


def events_of(path: Path) -> list:
    project = read_project(path.parent / "show.toml")
    plan: Plan = make_plan(project, read_sheet(path, project))
    return [dataclasses.replace(event, sheet=Path("x"), row=0) for event in plan.events]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".rpp"])
def test_the_steps_that_are_written_make_the_same_plan(sheet, tmp_path, suffix):
    out = tmp_path / f"steps{suffix}"
    result = run("cues", "walk", sheet, out, "--project", tmp_path / "show.toml")
    assert result.exit_code == 0, result.output
    assert "note: 1 row of the kind walk: " in result.stderr
    events = events_of(sheet)
    assert len(events) > 25
    assert events_of(out) == events


def test_other_rows_are_kept_and_cloth_follows_edited_steps(sheet, tmp_path):
    out = tmp_path / "steps.csv"
    assert run("cues", "walk", sheet, out, "--project", tmp_path / "show.toml").exit_code == 0
    with open(out, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows if not row["id"].startswith("W.")] == ["D", "C", "X"]
    assert [(row["kind"], row["follow"]) for row in rows if row["id"] == "C"] == [("follow", "FEET")]
    assert [row["foot"] for row in rows if row["id"].startswith("W.")][:4] == ["L", "R", "L", "R"]
    edited = [row for row in rows if row["id"] != "W.3"]
    with open(out, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(edited)
    stems = [event.stem for event in events_of(out)]
    assert stems.count("CLOTH") == stems.count("FEET") == len(edited) - 2


def test_convert_writes_what_follows_too(sheet, tmp_path):
    out = tmp_path / "all.csv"
    assert run("cues", "convert", sheet, out, "--project", tmp_path / "show.toml").exit_code == 0
    assert "follow" not in out.read_text() and "C.1," in out.read_text()


def test_seed_and_take_change_the_steps(sheet, tmp_path):
    texts = set()
    for number, flags in enumerate(((), ("--seed", 8), ("--take", 2))):
        out = tmp_path / f"{number}.csv"
        assert run("cues", "walk", sheet, out, "--project", tmp_path / "show.toml", *flags).exit_code == 0
        texts.add(out.read_text())
    assert len(texts) == 3


def test_a_sheet_without_walks_and_an_existing_file_are_refused(sheet, tmp_path):
    plain = tmp_path / "plain.csv"
    plain.write_text("id,start,stem,preset\na,1.0,FEET,step-wood\n")
    refused = run("cues", "walk", plain, tmp_path / "out.csv")
    assert isinstance(refused.exception, CueSheetError) and "it has no walk" in str(refused.exception)
    refused = run("cues", "walk", sheet, plain, "--project", tmp_path / "show.toml")
    assert isinstance(refused.exception, OutputError) and "--overwrite" in str(refused.exception)


def test_check_names_an_unknown_surface_once_and_render_its_row_and_column(sheet, tmp_path):
    (tmp_path / "right.csv").write_text(SHEET)
    sheet.write_text(SHEET.replace("step-wood@", "step-wod@"))
    found = run("cues", "check", sheet, "--project", tmp_path / "show.toml")
    assert found.exit_code == 1 and found.stdout.count("no preset 'step-wod'") == 1
    steps = [event.id for event in events_of(tmp_path / "right.csv") if event.preset == "step-wood"]
    assert f"(and {len(steps) - 2} more of its row)" in found.stdout.replace("\n", " ")  # X is one of them
    with pytest.raises(CueSheetError, match=r"row 3, column 'surface': no preset 'step-wod' in the bank"):
        read_sheet(sheet, read_project(tmp_path / "show.toml"))


def test_an_unknown_stem_of_a_walk_is_one_problem(sheet, tmp_path):
    (tmp_path / "show.toml").write_text(PROJECT + '[[stems]]\nname = "PROPS"\n[[stems]]\nname = "CLOTH"\n')
    with pytest.raises(CueSheetError) as caught:
        events_of(sheet)
    assert [line.split(": ")[0] for line in caught.value.lines] == [
        f"{sheet}, row 3, column 'stem'",
        f"{sheet}, row 4, column 'stem'",
    ]
