"""docs/effects.md agrees with the tables, and its recipes are valid projects."""

import re
from pathlib import Path

import pytest

from plugin_backend.effects.parameters import CONTROLS, FIXED, PER_CHANNEL
from plugin_backend.effects.registry import STAGES
from plugin_backend.parameters import Choice, Text
from plugin_backend.transfer.parameters import WIDTH
from render.project.effect_schema import TRANSFER
from render.project.project import read_project

DOC = (Path(__file__).parents[3] / "docs" / "effects.md").read_text(encoding="utf-8")
ROWS = {name: [*FIXED.get(name, {}).values(), *CONTROLS[name].values()] for name in CONTROLS}
ROWS["transfer"] = [WIDTH, *TRANSFER.values()]


def row_of(row) -> str:
    if isinstance(row, Text):
        return f"| `{row.name}` | text | `{row.default}` | {row.doc} |"
    if isinstance(row, Choice):
        return f"| `{row.name}` | {', '.join(f'`{name}`' for name in row.names)} | `{row.names[0]}` | {row.doc} |"
    unit = f" {row.unit}" if row.unit else ""
    return f"| `{row.name}` | {row.low:g} … {row.high:g}{unit} | {row.default:g} | {row.doc} |"


@pytest.mark.parametrize("name", ROWS)
def test_the_tables_are_the_parameters(name):
    section = re.search(rf"^## {name}\n(.*?)(?=^## )", DOC, re.DOTALL | re.MULTILINE)[1]
    message = [line for line in section.splitlines() if line.startswith("| `")]
    assert message == [row_of(row) for row in ROWS[name]]


def test_every_stage_is_listed_with_its_layouts():
    for name in STAGES:
        line = re.search(rf"^\| \[`{name}`\].*$", DOC, re.MULTILINE)[0]
        assert line.endswith("| each channel |" if name in PER_CHANNEL else "| no |")


def test_the_recipes_are_projects(tmp_path):
    recipes = re.findall(r"```toml\n(.*?)```", DOC, re.DOTALL)
    assert len(recipes) == 5
    for recipe in recipes:
        path = tmp_path / "p.toml"
        path.write_text(recipe if "[[stems]]" in recipe else f'[[stems]]\nname = "A"\n{recipe}')
        assert read_project(path).stems[0].effects
