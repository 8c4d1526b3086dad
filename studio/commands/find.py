"""``pisada find``: find presets, or sounds of a folder, by words, by a sound or by a picture."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import Decorated, Examples, bank_option


def space_options(command: Decorated) -> Decorated:
    """Add the options that choose a space and its weights."""
    for option in (
        click.option("--download", is_flag=True, help="Fetch the weights that --weights names, if they are not there."),
        click.option(
            "--weights",
            type=click.Path(path_type=Path),
            help="Folder of the weights, for spaces that need some; nothing is downloaded.",
        ),
        click.option(
            "--space",
            help="In which things are compared: words or sounds (both work offline), clip-clap or pe-av.  "
            "[default: words; sounds with --like]",
        ),
    ):
        command = option(command)
    return command


@click.command(cls=Examples, example='pisada find "heavy boots on wet gravel"')
@click.argument("words", nargs=-1)
@click.option("--like", type=click.Path(path_type=Path), help="Find what sounds like this recording.")
@click.option("--image", type=click.Path(path_type=Path), help="Find what fits this picture (PNG or JPEG).")
@click.option("--captioner", type=click.Path(path_type=Path), help="Describe --image by BLIP, whose folder this is.")
@click.option("--prompt", default="", help="Words that guide what is found for --image.")
@bank_option
@click.option("--sounds", type=click.Path(path_type=Path), help="Search the sounds of this folder, not presets.")
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="Number of results.")
@click.option(
    "--distance", type=click.Choice(["cosine", "euclidean"]), default="cosine", show_default=True, help="Order by this."
)
@space_options
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def find(
    words: tuple[str, ...],
    like: Path | None,
    image: Path | None,
    captioner: Path | None,
    prompt: str,
    banks: tuple[Path, ...],
    sounds: Path | None,
    count: int,
    distance: str,
    space: str | None,
    weights: Path | None,
    download: bool,
    as_json: bool,
) -> None:
    """Find presets by WORDS, by a recording (--like) or by a picture (--image): the nearest first.

    What was computed of a bank or folder is kept in the cache, and computed again where something changed.
    """
    from plugin_backend.errors import ProjectError
    from studio.workflows.find import Question, Where, print_found

    if sum((bool(words), like is not None, image is not None)) != 1:
        raise ProjectError("give words to search for, or --like FILE, or --image FILE: one of the three")
    if image is None and (captioner is not None or prompt):
        raise ProjectError("--captioner and --prompt go with --image")
    if sounds is not None and banks:
        raise ProjectError("give --sounds to search a folder of sounds, or --bank to search presets, not both")
    where = Where(banks, sounds, space or ("sounds" if like else "words"), weights, download)
    print_found(Question(" ".join(words), like, image, captioner, prompt), where, count, distance, as_json)
