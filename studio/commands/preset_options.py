"""The options of commands that make a preset: what is said of it, its width and its effects."""

from __future__ import annotations

import click

from plugin_backend.errors import ProjectError

OPTIONS = (
    click.option("--description", help="What it is, in a few words."),
    click.option("--tag", "tags", multiple=True, help="A word to find it by; may repeat."),
    click.option("--material", help="What sounds, in one word: wood, stone, …"),
    click.option("--licence", help="Under which others may use it, such as CC-BY-4.0."),
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
        help="It is always heard through this: eq, lfo, pulses, adsr or gain, as in eq:low_cut_hz=80; may repeat.",
    ),
)


def preset_fields(command):
    """Give a command the options, passed on as fields of :func:`fields_of`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def fields_of(tags: tuple[str, ...], effects: tuple[str, ...], **words: str | float | None) -> dict:
    """Fields of :class:`~presets.preset.PresetHeader` that were given.

    Raises:
        ProjectError: an effect is malformed.
    """
    given = {name: value for name, value in words.items() if value is not None}
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
