"""Judge a checkpoint on held-out sounds and write its model card, metrics and attribution.

    python -m plugin_backend.evaluation.card CHECKPOINT CORPUS --out DIR

Writes ``MODEL_CARD.md``, ``metrics.json`` and ``ATTRIBUTION.md``. Every number in the card comes from
that run, from the checkpoint's own record, or from the corpus manifest.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

import torch

from plugin_backend.codecs import load_codec
from plugin_backend.corpus.split import FACTORY_HELD_OUT
from plugin_backend.errors import CheckpointError, OutputError, PisadaError
from plugin_backend.evaluation.attribution import attribution, is_held_out, read_manifest, summary
from plugin_backend.evaluation.card_text import card
from plugin_backend.evaluation.measure import measure
from plugin_backend.files import replaced_when_whole
from plugin_backend.training.sampler import read_sounds


def facts(checkpoint: Path, codec) -> dict:
    """What is known of the model without listening to it.

    Raises:
        CheckpointError: it was trained with other packages held out, so it cannot be judged fairly.
    """
    record = json.loads(checkpoint.with_suffix(".json").read_text(encoding="utf-8"))
    held_out = record.get("training", {}).get("held_out_packages", [])
    if set(held_out) != FACTORY_HELD_OUT:
        raise CheckpointError(f"{checkpoint}: held out {held_out}, but the card judges on {sorted(FACTORY_HELD_OUT)}")
    parts = {"encoder": codec.model.encoder, "decoder": codec.model.decoder}
    return {
        "name": codec.spec.name,
        "family": record["family"],
        "fingerprint": codec.spec.fingerprint,
        "config": record["config"],
        "training": record["training"],
        "latency_samples": codec.spec.latency_samples,
        "parameters": {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        "file_bytes": checkpoint.stat().st_size,
        "machine": f"one processor thread ({platform.machine()}, torch {torch.__version__.split('+')[0]})",
    }


def write_card(checkpoint: Path, corpus: Path, out: Path, with_visqol: bool = True, say=print) -> None:
    """Judge ``checkpoint`` and write the three files into ``out``, which is made if need be.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        AudioFileError: the corpus has no usable manifest.
        MissingExtraError: the ``evaluate`` extra is not installed.
        OutputError: ``out`` cannot be written.
    """
    if checkpoint.suffix != ".safetensors":
        raise CheckpointError(f"{checkpoint}: give the path of a .safetensors checkpoint")
    codec, rows = load_codec(str(checkpoint)), read_manifest(corpus)
    result = facts(checkpoint, codec) | {
        "corpus": {
            "training": summary([row for row in rows if not is_held_out(row)]),
            "held_out": summary([row for row in rows if is_held_out(row)]),
        }
    }
    result |= measure(codec, read_sounds(corpus, codec.spec.sample_rate, held_out=True), with_visqol, say)
    texts = {
        "MODEL_CARD.md": card(result),
        "metrics.json": json.dumps(result, indent=2, ensure_ascii=False) + "\n",
        "ATTRIBUTION.md": attribution(rows),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with replaced_when_whole(out / name) as part:
                part.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise OutputError(f"{out}: cannot be written ({problem.strerror})") from problem


def main(arguments: list[str] | None = None) -> int:
    """The command line; answers the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="a .safetensors file, its .json beside it")
    parser.add_argument("corpus", type=Path, help="a folder with a manifest.csv")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--without-visqol", action="store_true", help="leave the slow metric out")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        write_card(options.checkpoint, options.corpus, options.out, not options.without_visqol)
    except PisadaError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
