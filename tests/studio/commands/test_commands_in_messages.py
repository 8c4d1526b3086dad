"""The commands that README, docs and helps tell: a shell and ``pisada`` take them, and their presets are there."""

import re
import shlex
from pathlib import Path

import click
import pytest

from presets.bank import FACTORY_BANK, Bank
from studio.cli import pisada

ROOT = Path(__file__).parents[3]
LINE = re.compile(r"^ *(pisada (?!=)[^`\n]*)$", re.MULTILINE)
FOLDERS = "my-recordings", "recordings"
"""That must be there for a command to be taken."""

FILES = "--project", "--mapping"


def helps(command: click.Command = pisada) -> str:
    """The ends of all helps, where the examples are."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return "\n".join([command.epilog or "", *map(helps, below)])


def told() -> list[str]:
    """Every command, a line each."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
    return sorted({line for text in (*texts, helps()) for line in LINE.findall(text.replace("\\\n", ""))})


@pytest.mark.parametrize("line", told())
def test_a_command_that_is_told_is_one(line, tmp_path, monkeypatch):
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    ended = [word for word in shlex.shlex(line, posix=True, punctuation_chars=True) if set(word) <= set("();<>|&")]
    assert ended == []  # there the shell would
    context, command, name, words = click.Context(pisada), pisada, None, shlex.split(line, comments=True)[1:]
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, words)
    command.make_context(name, words, parent=context)


def test_every_preset_in_them_is_in_the_factory_bank():
    names = Bank(FACTORY_BANK).names
    kinds = "|".join({name.split("-")[0] for name in names if "-" in name})
    used = {name for line in told() for name in re.findall(rf"(?<![\w/-])(?:{kinds})-[a-z]+(?![\w.-])", line)}
    assert {"step-gravel", "cloth-leather"} <= used <= set(names)


def test_the_commands_of_the_readme_are_among_them():
    assert sum(line.startswith("pisada session stems --format rpp --format aaf --embed") for line in told()) == 1


def test_a_file_is_told_as_a_project_or_as_a_mapping():
    named = {flag: {name for line in told() for name in re.findall(rf"{flag} (\S+)", line)} for flag in FILES}
    assert all(named.values())
    assert named["--project"] & named["--mapping"] == set()
