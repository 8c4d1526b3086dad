"""``pisada doctor``: how this machine computes a model, and whether the results are exact."""

from __future__ import annotations

import click

from studio.commands.options import MODEL_HELP, Examples


@click.command(cls=Examples, example="pisada doctor --model foley")
@click.option("--model", default="foley", show_default=True, help=MODEL_HELP)
def doctor(model: str) -> None:
    """Print the processor, how it computes the model, whether results are exact to the bit, and the cost of a hop."""
    import torch

    from plugin_backend.cpu_info import cpu_info
    from plugin_backend.exactness import measure_exactness
    from plugin_backend.models.registry import family_of, load_codec

    torch.set_num_threads(1)  # as renders do
    measured = measure_exactness(load_codec(model))
    if measured.exact:
        verdict = "exact: the same bits in any blocks, batches and jobs on this machine (measured now)"
    else:
        differences = {"latents": measured.latents_db, "sound": measured.sound_db}
        listed = " and ".join(f"{name} by {db} dB" for name, db in differences.items() if db is not None)
        verdict = f"NOT exact: blocks and batches differ in {listed} relative to the largest value (measured now)"
    family = family_of(model)
    computation = family.computation() if family is not None else None
    rows = [
        ("processor", str(cpu_info())),
        ("PyTorch", torch.__version__),
        ("products", computation.remark if computation is not None else "not known for this model"),
        ("model", f"{model}: {verdict}"),
        ("a hop", f"{measured.hop_ms} ms of processor time for {measured.audio_ms:.1f} ms of sound"),
    ]
    for name, text in rows:
        click.echo(f"{name:<10} {text}")
