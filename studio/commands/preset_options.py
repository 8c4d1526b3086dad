"""The options of commands that make a preset: its description, its width and its effects."""

from __future__ import annotations

from typing import Any

import click

from plugin_backend.errors import ProjectError
from studio.commands.options import Decorated

OPTIONS = (
    click.option("--description", help="Description, in a few words."),
    click.option("--tag", "tags", multiple=True, help="A word to find the preset by. Repeat for more."),
    click.option("--material", help="The sounding material, in one word: wood, stone, …"),
    click.option("--licence", help="Licence for other users, such as CC-BY-4.0."),
    click.option("--credit", help="Who made the recordings."),
    click.option(
        "--width",
        type=click.FloatRange(0, 1),
        help="Of a stereo texture: how far left and right differ, 0 (mono) to 1 (independent).",
    ),
    click.option(
        "--effect",
        "effects",
        multiple=True,
        metavar="TYPE[:NAME=VALUE,…]",
        help="An effect that the preset always has: eq, lfo, pulses, adsr or gain, as in eq:low_cut_hz=80. "
        "Repeat for more.",
    ),
)


def preset_fields(command: Decorated) -> Decorated:
    """Add the options to a command. They are the arguments of :func:`fields_of`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def fields_of(tags: tuple[str, ...], effects: tuple[str, ...], **fields: str | float | None) -> dict[str, Any]:
    """Return those fields of :class:`~presets.preset.PresetHeader` that were given.

    Raises:
        ProjectError: an effect is malformed.
    """
    given: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    lists = {"tags": list(dict.fromkeys(tags)), "chain": [_effect(text) for text in effects]}
    return given | {name: value for name, value in lists.items() if value}


def _effect(text: str) -> dict[str, float | str]:
    kind, _, settings = text.partition(":")
    effect: dict[str, float | str] = {"type": kind.strip()}
    for part in filter(None, settings.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise ProjectError(f"effect {text[:80]!r}: write TYPE:NAME=VALUE,… as in eq:low_cut_hz=80,peak2_db=3")
        effect[name.strip()] = _number(value.strip())
    return effect


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
