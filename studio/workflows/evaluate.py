"""Evaluate with a progress bar, and say where things are and what was left out."""

from __future__ import annotations

from pathlib import Path

import click
import torch
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from plugin_backend.evaluation.evaluate import Options, evaluate, installed_embeddings
from plugin_backend.evaluation.report.report import write_report
from plugin_backend.models.registry import load_codec
from presets.evaluate_bank import bank_of, evaluate_bank
from studio.terminal.safe_print import console
from studio.terminal.tables import print_table

SHOWN = {
    "visqol": "mean",
    "log_mel_error_db": "mean",
    "frechet_yamnet": "mean",
    "frechet_aisfx": "mean",
    "onset_error_ms": "median",
    "peak_error_db": "median",
    "comb_db": "mean",
    "level_db": "mean",
}
"""What the command prints of each system: metric → which of its numbers."""


def evaluate_to_disk(model: str, data: Path, out: Path, options: Options, with_bank: bool = False) -> None:
    """Evaluate ``model``, write ``metrics.json`` and ``report.html`` into ``out``, and print a summary.

    Args:
        model, data, options: see :func:`~plugin_backend.evaluation.evaluate.evaluate`.
        out: made if need be.
        with_bank: judge every factory preset, too, beside its recordings in ``data``.
    """
    torch.set_num_threads(1)
    judged_bank = bank_of(model, data) if with_bank else None
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console()) as bar:
        tasks = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage)
            bar.update(tasks[stage], completed=done, total=total)

        found = evaluate(model, data, options, tell)
        if judged_bank is not None:
            found.metrics["bank"] = evaluate_bank(judged_bank, load_codec(model), installed_embeddings()[0], tell)
    for remark in found.metrics["remarks"]:
        click.echo(f"note: {remark}", err=True)
    systems = found.metrics["metrics"]
    shown = {name: key for name, key in SHOWN.items() if name in systems["codec"]}
    rows = [(system, *(of[name][key] for name, key in shown.items())) for system, of in systems.items()]
    paths = write_report(found, out)
    judged = f"{found.metrics['data']['files']} files, {found.metrics['data']['judged']}"
    print_table((judged, *(f"{name} ({key})" for name, key in shown.items())), rows)
    for path in paths:
        click.echo(path)
