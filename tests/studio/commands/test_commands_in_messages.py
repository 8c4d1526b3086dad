"""The commands in README, docs and helps: ``pisada`` accepts them, and their presets exist."""

import re
import shlex
from pathlib import Path

import click
import pytest

from presets.bank import FACTORY_BANK, Bank
from studio.cli import pisada

ROOT = Path(__file__).parents[3]
LINE = re.compile(r"^ *(pisada (?!=)[^`\n]*)$", re.MULTILINE)
FOLDERS = "my-recordings", "recordings", "notes", "CORPUS", "examples/night_walk"
EMPTY_FILES = ("examples/night_walk/project.toml",)
"""Folders and files that must exist for a command to be accepted."""

FILES = "--project", "--mapping"


def helps(command: click.Command = pisada) -> str:
    """Return the ends of all helps, where the examples are."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return "\n".join([command.epilog or "", *map(helps, below)])


def all_commands() -> list[str]:
    """Return every documented command, one per line."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
    return sorted({line for text in (*texts, helps()) for line in LINE.findall(text.replace("\\\n", ""))})


@pytest.mark.parametrize("line", all_commands())
def test_documented_command_is_valid(line, tmp_path, monkeypatch):
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
    for file in EMPTY_FILES:
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    ended = [word for word in shlex.shlex(line, posix=True, punctuation_chars=True) if set(word) <= set("();<>|&")]
    assert ended == []  # the shell would end the command there
    context, command, name, words = click.Context(pisada), pisada, None, shlex.split(line, comments=True)[1:]
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, words)
    command.make_context(name, words, parent=context)


def test_documented_presets_are_in_factory_bank():
    names = Bank(FACTORY_BANK).names
    kinds = "|".join({name.split("-")[0] for name in names if "-" in name})
    used = {name for line in all_commands() for name in re.findall(rf"(?<![\w/-])(?:{kinds})-[a-z]+(?![\w.-])", line)}
    assert {"step-gravel", "cloth-leather"} <= used <= set(names)


def test_readme_commands_are_checked():
    assert any(line.startswith("pisada session stems --format rpp --format aaf --embed") for line in all_commands())


def test_project_and_mapping_files_have_different_names():
    named = {flag: {name for line in all_commands() for name in re.findall(rf"{flag} (\S+)", line)} for flag in FILES}
    assert all(named.values())
    assert named["--project"] & named["--mapping"] == set()
