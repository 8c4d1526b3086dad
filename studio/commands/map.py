"""``pisada map``: a map of the sounds of a bank or folder."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import MODEL_HELP, Examples


@click.command("map", cls=Examples, example="pisada map factory --method tsne --out map")
@click.argument("source", metavar="FOLDER_OR_BANK")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder for the map.")
@click.option(
    "--method",
    type=click.Choice(["pca", "tsne", "umap"]),
    default="pca",
    show_default=True,
    help='How sounds get their places. t-SNE and UMAP need the extra "map".',
)
@click.option("--model", default="foley", show_default=True, help=MODEL_HELP)
def map_sounds(source: str, out: Path, method: str, model: str) -> None:
    """Map the presets of a bank, or the sounds of a folder: what sounds alike is near.

    OUT gets map.html (point to read a name, click to hear), map.png and map.json.
    """
    from plugin_backend.models.registry import load_codec
    from presets.sound_map import sounds_to_map
    from presets.sound_map_page import MapOptions, write_map

    codec = load_codec(model)
    sounds = list(sounds_to_map(source, codec, say=lambda line: click.echo(line, err=True)))
    content = write_map(sounds, codec.spec, out, MapOptions(Path(source).resolve().name or source, method))
    click.echo(f"{out / 'map.html'}: {len(sounds)} sounds, {len(content['colours'])} labels, {method}")
