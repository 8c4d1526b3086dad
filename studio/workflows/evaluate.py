"""Evaluate a model with a progress bar, and print where the results are and what was left out."""

from __future__ import annotations

from pathlib import Path

import click
import torch
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from plugin_backend.evaluation.evaluate import Options, evaluate, installed_embeddings
from plugin_backend.evaluation.report.html import number
from plugin_backend.evaluation.report.report import write_report
from plugin_backend.models.registry import load_codec
from presets.evaluate_bank import bank_of, evaluate_bank
from studio.terminal.safe_print import console
from studio.terminal.tables import print_table

SHOWN = {
    "visqol": ("ViSQOL", "mean"),
    "log_mel_error_db": ("log-mel error, dB", "mean"),
    "frechet_yamnet": ("Fréchet, YAMNet", "mean"),
    "frechet_aisfx": ("Fréchet, aiSFX", "mean"),
    "onset_error_ms": ("onset error, ms", "median"),
    "peak_error_db": ("hit peak error, dB", "median"),
    "comb_db": ("comb, dB", "mean"),
    "level_db": ("level, dB", "mean"),
}
"""The numbers that the command prints for each system: metric → its heading, and which of its values."""


def evaluate_to_disk(model: str, data: Path, out: Path, options: Options, with_bank: bool = False) -> None:
    """Evaluate ``model``, write ``metrics.json`` and ``report.html`` into ``out``, and print a summary.

    Args:
        model, data, options: see :func:`~plugin_backend.evaluation.evaluate.evaluate`.
        out: folder for the results; it is made if it is absent.
        with_bank: also evaluate every factory preset, next to its recordings in ``data``.
    """
    torch.set_num_threads(1)
    evaluated_bank = bank_of(model, data) if with_bank else None
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console()) as bar:
        tasks = {}

        def show_progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage)
            bar.update(tasks[stage], completed=done, total=total)

        result = evaluate(model, data, options, show_progress)
        if evaluated_bank is not None:
            result.metrics["bank"] = evaluate_bank(
                evaluated_bank, load_codec(model), installed_embeddings()[0], show_progress
            )
    for remark in result.metrics["remarks"]:
        click.echo(f"note: {remark}", err=True)
    systems = result.metrics["metrics"]
    shown = {name: shows for name, shows in SHOWN.items() if name in systems["codec"]}
    rows = [
        (system, *(number(metrics[name][key]) for name, (_, key) in shown.items()))
        for system, metrics in systems.items()
    ]
    paths = write_report(result, out)
    title = f"{result.metrics['data']['files']} files, {result.metrics['data']['judged']}"
    print_table((title, *(heading for heading, _ in shown.values())), rows)
    for path in paths:
        click.echo(path)
