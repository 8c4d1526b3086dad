"""``pisada generate``: a preset from a text, or from a picture's captions, by weights of the user."""

from __future__ import annotations

from pathlib import Path

import click

from studio.commands.options import MODEL_HELP, Examples
from studio.workflows.overwrite_guard import check_folder, check_new


@click.command(
    cls=Examples, example='pisada generate "a rusty gate" --weights audioldm2 --name rusty-gate --bank my-bank'
)
@click.argument("prompt", default="")
@click.option("--image", type=click.Path(path_type=Path), help="Caption this picture; PROMPT then guides, if given.")
@click.option("--captioner", type=click.Path(path_type=Path), help="Folder of BLIP's weights, for --image.")
@click.option(
    "--weights", required=True, type=click.Path(path_type=Path), help="Folder of AudioLDM2 or Stable Audio Open."
)
@click.option("--download", is_flag=True, help="Fetch weights that are not there (AudioLDM2, BLIP).")
@click.option("--name", required=True, help="The preset's name: a-z, 0-9, '_', '-', '.'.")
@click.option("--bank", required=True, type=click.Path(path_type=Path), help="Folder to save the preset in.")
@click.option(
    "--kind", type=click.Choice(["hit", "texture"]), default="hit", show_default=True, help="As in `capture`."
)
@click.option("--candidates", type=click.IntRange(1, 100), default=4, show_default=True, help="Sounds to choose from.")
@click.option("--seconds", type=click.FloatRange(0.5, 47), default=5.0, show_default=True, help="Length of each.")
@click.option("--steps", type=click.IntRange(1, 1000), default=50, show_default=True, help="Steps of the diffusion.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Of the first candidate.")
@click.option("--model", default="foley", show_default=True, help=MODEL_HELP)
@click.option("--overwrite", is_flag=True, help="Replace a preset of that name in the bank.")
def generate(
    prompt: str,
    image: Path | None,
    captioner: Path | None,
    weights: Path,
    download: bool,
    name: str,
    bank: Path,
    kind: str,
    candidates: int,
    seconds: float,
    steps: int,
    seed: int,
    model: str,
    overwrite: bool,
) -> None:
    """Generate sounds from PROMPT, and capture the one that fits it best as a preset.

    The prompt, the pipeline, the seed and the licence of the weights are kept in the preset.
    """
    from plugin_backend.errors import ProjectError
    from plugin_backend.evaluation.joint_spaces.base import open_space
    from plugin_backend.evaluation.joint_spaces.generated_sounds import Generator, Wanted
    from plugin_backend.models.registry import deferred_codec
    from presets.find.generated_preset import best_candidate, capture_choice
    from presets.store import path_of, save_preset
    from studio.workflows.find import caption_of

    if not prompt.strip() and image is None:
        raise ProjectError("give a PROMPT, or --image with --captioner")
    check_new(path_of(name, bank), overwrite, other="give another --name")
    check_folder(bank)
    codec, space = deferred_codec(model), open_space()
    if image is not None:
        prompt = caption_of(image, captioner, prompt.strip(), download)
        click.echo(f"note: prompt: {prompt}", err=True)
    wanted = Wanted(prompt.strip(), candidates, seconds, steps, seed)
    generator = Generator(weights, download)
    click.echo(f"note: weights {weights}: licence {generator.licence}", err=True)
    choice = best_candidate(generator, wanted, space)
    path = save_preset(capture_choice(choice, codec, name, kind, generator, wanted), bank, overwrite)
    click.echo(f"{path}: candidate {choice.number} of {len(choice.scores)}, cosine {max(choice.scores):.2f}")
