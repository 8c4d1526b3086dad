"""Evaluate a checkpoint on held-out sounds and write its model card, metrics and attribution.

    python -m plugin_backend.evaluation.report.model_card CHECKPOINT CORPUS --out DIR

Writes ``MODEL_CARD.md``, ``metrics.json`` and ``ATTRIBUTION.md``. Every number in the card comes from
that run, from the checkpoint's own record, or from the corpus manifest.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import Any

import torch

from plugin_backend.corpus.holdout import FACTORY_HELD_OUT
from plugin_backend.errors import CheckpointError, PisadaError
from plugin_backend.evaluation.evaluate import Options, Report, evaluate, held_out_of, silent
from plugin_backend.evaluation.report.attribution import attribution, is_held_out, read_manifest, summary
from plugin_backend.evaluation.report.model_card_text import card
from plugin_backend.evaluation.report.report import as_json, write_files
from plugin_backend.models.registry import load_codec


def facts(checkpoint: Path) -> dict:
    """Return what is known of the model without decoding any sound.

    Raises:
        CheckpointError: it was trained with other packages held out, so it cannot be evaluated fairly.
    """
    codec: Any
    codec, held_out = load_codec(str(checkpoint)), held_out_of(str(checkpoint)).sources
    if held_out != FACTORY_HELD_OUT:
        actual, expected = sorted(held_out), sorted(FACTORY_HELD_OUT)
        raise CheckpointError(f"{checkpoint}: held out {actual}, but the card needs {expected}")
    record = json.loads(checkpoint.with_suffix(".json").read_text(encoding="utf-8"))
    parts = {"encoder": codec.model.encoder, "decoder": codec.model.decoder}
    return {
        "family": record["family"],
        "config": record["config"],
        "training": record["training"],
        "latency_samples": codec.spec.latency_samples,
        "parameters": {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        "file_bytes": checkpoint.stat().st_size,
        "machine": f"one processor thread ({platform.machine()}, torch {torch.__version__.split('+')[0]})",
    }


def write_card(
    checkpoint: Path,
    corpus: Path,
    out: Path,
    options: Options = Options(),  # noqa: B008
    report: Report = silent,
) -> None:
    """Evaluate ``checkpoint`` and write the three files into ``out``, which is made if it does not exist.

    Args:
        checkpoint: a ``.safetensors`` file.
        corpus: a folder with a ``manifest.csv``.
        out: the folder to write.
        options: how much to measure.
        report: called at each step.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        AudioFileError: the corpus has no usable manifest.
        MissingExtraError: the ``evaluate`` extra is not installed.
        OutputError: ``out`` cannot be written.
    """
    if checkpoint.suffix != ".safetensors":
        raise CheckpointError(f"{checkpoint}: give the path of a .safetensors checkpoint")
    about, rows = facts(checkpoint), read_manifest(corpus)
    metrics = evaluate(str(checkpoint), corpus, options, report).metrics | {"facts": about}
    metrics["corpus"] = {
        "training": summary([row for row in rows if not is_held_out(row)]),
        "held_out": summary([row for row in rows if is_held_out(row)]),
    }
    texts = {"MODEL_CARD.md": card(metrics), "metrics.json": as_json(metrics), "ATTRIBUTION.md": attribution(rows)}
    write_files(texts, out)


def print_to_stderr(stage: str, done: int, total: int) -> None:
    """Print one line per stage.

    Args:
        stage: its name.
        done: steps done.
        total: all steps.
    """
    if done == 0:
        print(stage, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="a .safetensors file, its .json beside it")
    parser.add_argument("corpus", type=Path, help="a folder with a manifest.csv")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--without-visqol", action="store_true", help="leave the slow metric out")
    parser.add_argument("--quick", action="store_true", help="few clips, hits and materials: a first look")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    chosen = Options(with_visqol=not options.without_visqol, quick=options.quick)
    try:
        write_card(options.checkpoint, options.corpus, options.out, chosen, print_to_stderr)
    except PisadaError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
