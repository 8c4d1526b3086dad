"""``pisada doctor``: what this machine computes with, and whether its bits can be relied on."""

from __future__ import annotations

import click

from studio.commands.options import Examples


@click.command(cls=Examples, example="pisada doctor --model foley")
@click.option("--model", default="foley", show_default=True, help="A factory model's name or a .safetensors file.")
def doctor(model) -> None:
    """Say which processor this is, how the model is computed on it, whether bits are exact, and what a hop costs."""
    import torch

    from plugin_backend.cpu_info import cpu_info
    from plugin_backend.exactness import measure_exactness
    from plugin_backend.models.registry import load_codec
    from plugin_backend.models.waveform_vae import c_engine as engine
    from plugin_backend.models.waveform_vae.matrix_products import NativeProduct, best_backend

    torch.set_num_threads(1)  # as renders do
    found = measure_exactness(load_codec(model))
    if found.exact:
        told = "exact: the same bits in any blocks, batches and jobs on this machine (measured now)"
    else:
        measured = {"latents": found.latents_db, "sound": found.sound_db}
        differs = " and ".join(f"{name} by {db} dB" for name, db in measured.items() if db is not None)
        told = f"NOT exact: in blocks and batches {differs} re the largest (measured now)"
    kept = "kept by padding" if best_backend().counts.always_exact else "not kept at any number of rows"
    products = f"{best_backend().kind.__name__}; a row's bits are {kept}"
    if best_backend().kind is NativeProduct:
        products = f"the engine in C ({engine.instruction_set()}): the same bits on every processor"
    elif engine.library() is None:
        products += "; without the engine in C (reinstall with a C compiler) a hop costs about five times as much"
    rows = [
        ("processor", str(cpu_info())),
        ("PyTorch", torch.__version__),
        ("products", products),
        ("model", f"{model}: {told}"),
        ("a hop", f"{found.hop_ms} ms of processor time for {found.audio_ms:.1f} ms of sound"),
    ]
    for name, text in rows:
        click.echo(f"{name:<10} {text}")
