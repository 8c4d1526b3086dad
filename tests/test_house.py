"""The house keeps its own rules."""

import ast
import re
from pathlib import Path

import pytest

from plugin_backend import errors

ROOT = Path(__file__).parents[1]
ORDER = ["plugin_backend", "presets", "render", "studio"]
SOURCES = [path for package in ORDER for path in (ROOT / package).rglob("*.py")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    mine = ORDER.index(path.relative_to(ROOT).parts[0])
    tree = ast.parse(path.read_text())
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    later = [name for name in names if name.split(".")[0] in ORDER[mine + 1 :]]
    assert later == []


def test_the_error_tree_is_drawn_as_it_is():
    drawn = re.findall(r"(\w+Error)\b", errors.__doc__)
    defined = [name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")]
    assert sorted(drawn) == sorted(defined)


def test_the_package_list_is_complete():
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = sorted({".".join(path.parent.relative_to(ROOT).parts) for path in SOURCES})
    assert sorted(listed) == found


def test_every_csv_column_is_in_the_readme():
    from render.cues.rows import KNOWN

    readme = (ROOT / "README.md").read_text()
    assert [name for name in KNOWN if f"`{name}`" not in readme] == []


def test_every_option_is_told_with_help():
    from studio.cli import pisada

    untold = [
        f"{name} {parameter.name}"
        for name, command in pisada.commands.items()
        for parameter in command.params
        if parameter.param_type_name == "option" and not (parameter.help or parameter.name == "kind")
    ]
    assert untold == []


def test_the_model_card_is_the_shipped_models():
    from plugin_backend.codecs import FACTORY, describe_codec

    assert describe_codec("foley").fingerprint in (FACTORY / "MODEL_CARD.md").read_text()


@pytest.mark.slow
def test_the_readmes_python_example_runs(tmp_path):
    import subprocess
    import sys

    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    (tmp_path / "example.py").write_text(example)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    command = [sys.executable, "example.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "stems").glob("NIGHT_R1_FOLEY*.wav"))) == 5
