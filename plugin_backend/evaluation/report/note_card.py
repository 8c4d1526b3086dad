"""Measure a vector model on held-out notes and write its model card.

    python -m plugin_backend.evaluation.report.note_card CHECKPOINT NOTES --out DIR [--beside CHECKPOINT …]

NOTES is a folder in NSynth's layout; its tests are used (``nsynth-test``). Writes ``NAME_model_card.md`` and
``NAME_metrics.json``. Every number of the card comes from that run or from the checkpoint's own record.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

from plugin_backend.codecs.base import Codec
from plugin_backend.corpus.notes.layout import read_notes
from plugin_backend.dsp.spectrogram import Grid
from plugin_backend.errors import CheckpointError, PisadaError
from plugin_backend.evaluation.embeddings.base import Embedding
from plugin_backend.evaluation.metrics.note_scores import (
    pairs_of,
    path_scores,
    phase_ceiling_db,
    played,
    reconstruction_scores,
)
from plugin_backend.evaluation.report.report import as_json, write_files
from plugin_backend.models.registry import load_codec, read_training

NOTES, PATHS, CEILING_NOTES, TIMED = 120, 24, 24, 40
CEILING_GRID = Grid(2048, 512)

ROWS = [
    ("spectral convergence, dB (median)", "convergence_db", "{:.1f}"),
    ("the same, first 0.74 s at 22,050 Hz", "convergence_22k_db", "{:.1f}"),
    ("pitch error of tonal notes, cents (median)", "pitch_error_cents", "{:.2f}"),
    ("the same, 90th percentile", "pitch_error_90_cents", "{:.2f}"),
    ("tonal notes more than 50 cents off", "pitch_wrong_share", "{:.1%}"),
    ("Fréchet distance, YAMNet", "frechet", "{:.1f}"),
    ("encoding a sound, ms", "encode_ms", "{:.1f}"),
    ("decoding a sound with its phase, ms", "decode_ms", "{:.1f}"),
]


def costs(codec: Codec, sounds: list[np.ndarray]) -> dict[str, float]:
    """Return the processor time of a sound in ms, on one thread."""
    vectors = [codec.encode(audio[None]) for audio in sounds]
    began = time.process_time()
    for audio in sounds:
        codec.encode(audio[None])
    encoded = time.process_time()
    codec.decode(np.concatenate(vectors))
    ended = time.process_time()
    return {
        "encode_ms": 1000 * (encoded - began) / len(sounds),
        "decode_ms": 1000 * (ended - encoded) / len(sounds),
    }


def measure(model: str, folder: Path, embedding: Embedding, count: int = NOTES, paths: int = PATHS) -> dict:
    """Return the scores of a model on the test notes of a folder.

    Args:
        model: name or file of a vector model.
        folder: in NSynth's layout.
        embedding: for Fréchet distances.
        count: notes that are decoded.
        paths: paths between two notes; only for models with latents for pitch and loudness.

    Raises:
        CheckpointError: the model cannot be used, or it is not a vector model.
        AudioFileError: a note cannot be used.
    """
    codec = load_codec(model)
    if codec.spec.layout != "vector":
        raise CheckpointError(f"{model}: describes sounds by frames; give a vector model")
    notes = played(read_notes(folder, ("test",)), codec, count)
    scores: dict = reconstruction_scores(codec, notes, embedding) | costs(codec, [one.audio for one in notes[:TIMED]])
    scores["ceiling_db"] = phase_ceiling_db(notes[:: max(1, len(notes) // CEILING_NOTES)], CEILING_GRID)
    if codec.spec.pitch_dim is not None and codec.spec.loudness_dim is not None:
        scores["paths"] = path_scores(codec, pairs_of(notes, paths), notes, embedding)
    scores["training"] = read_training(model)
    scores["fingerprint"], scores["sample_rate"] = codec.spec.fingerprint, codec.spec.sample_rate
    scores["seconds"] = codec.spec.hop_samples / codec.spec.sample_rate
    return scores


def table(scores: dict[str, dict]) -> str:
    """Return the rows of all models as a Markdown table."""
    names = list(scores)
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for title, key, form in ROWS:
        lines.append(f"| {title} | {' | '.join(form.format(scores[name][key]) for name in names)} |")
    return "\n".join(lines)


def card(name: str, scores: dict[str, dict]) -> str:
    """Return the model card of the first model.

    Args:
        name: of the model.
        scores: from :func:`measure`, by the names of the models; the others stand beside it.
    """
    own = scores[name]
    training, paths = own["training"], own.get("paths")
    trained = f"{training.get('steps')} steps, {training.get('minutes')} minutes on one processor thread"
    lines = [
        f"# Model card: {name}",
        "",
        f"Fingerprint {own['fingerprint']}. One vector describes {own['seconds']:.2f} s at {own['sample_rate']} Hz.",
        f"Trained with {training.get('sounds', training.get('notes', 0))} sounds, {trained}.",
        f"Sounds: {training.get('sounds_from', 'see its record')}.",
        f"Held out: {', '.join(training.get('held_out_sources', [])) or 'nothing'}.",
        "",
        f"## Measured on {own['notes']} notes of instruments that it was not trained on",
        "",
        table(scores),
        "",
        f"{own['tonal_notes']} of the notes are tonal: they repeat themselves, at the pitch of their label or an "
        "octave of it.",
        f"Ceiling: the phase alone, from the true magnitudes (gradient, then fast Griffin-Lim, windows of 2048), has a "
        f"spectral convergence of {own['ceiling_db']:.1f} dB. The rest is the model's.",
    ]
    for other in list(scores)[1:]:
        record = scores[other]["training"]
        lines.append(f"`{other}` was trained for {record.get('minutes')} minutes ({record.get('steps')} steps).")
    if paths:
        steps = ", ".join(f"{value:.0f}" for value in paths["frechet_by_step"])
        lines += [
            "",
            f"## Straight paths of 11 steps between {paths['paths']} pairs of notes",
            "",
            f"- Level rises or falls steadily on {paths['paths_with_monotone_level']} paths.",
            f"- Pitch rises or falls steadily on {paths['paths_with_monotone_pitch']} paths. The detected pitch is "
            f"{paths['pitch_off_cents']:.1f} cents from the asked one (median); {paths['steps_at_pitch_share']:.0%} of "
            "the steps are within 50 cents.",
            f"- Fréchet distance of each step to the originals: {steps}. The largest between the ends is "
            f"{paths['worst_over_ends']:.2f} times the worse end.",
        ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a factory name or a .safetensors file")
    parser.add_argument("notes", type=Path, help="a folder in NSynth's layout")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--beside", nargs="*", default=[], help="other vector models for the table")
    parser.add_argument("--count", type=int, default=NOTES, help="notes to decode")
    parser.add_argument("--paths", type=int, default=PATHS, help="paths between two notes")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        from plugin_backend.evaluation.embeddings.yamnet import Yamnet

        embedding, models = Yamnet(), [options.checkpoint, *options.beside]
        scores = {
            Path(model).stem: measure(model, options.notes, embedding, options.count, options.paths) for model in models
        }
        name = Path(options.checkpoint).stem
        texts = {f"{name}_model_card.md": card(name, scores), f"{name}_metrics.json": as_json(scores)}
        write_files(texts, options.out)
    except PisadaError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
