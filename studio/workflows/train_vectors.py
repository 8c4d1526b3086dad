"""Train a vector model from a folder of sounds or notes with a progress bar, and print the result."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from plugin_backend.corpus.dataset import prepare_corpus
from plugin_backend.corpus.holdout import split_sounds
from plugin_backend.corpus.notes.layout import is_note_folder, read_notes
from plugin_backend.corpus.report import find_copies
from plugin_backend.errors import ProjectError
from plugin_backend.models.registry import vector_family
from plugin_backend.output_files import cannot_write
from plugin_backend.training.loggers import Logger, TensorBoardLogger
from studio.terminal.safe_print import console as drawing
from studio.workflows.overwrite_guard import check_folder
from studio.workflows.train import (
    DEFAULT_MINUTES,
    RunOptions,
    check_held_out,
    check_name,
    print_dropped,
    progress_columns,
    state_of,
    stopped_by_signals,
)

if TYPE_CHECKING:
    from plugin_backend.models.family import VectorFamily
    from plugin_backend.training.clip_sampler import Clip
    from plugin_backend.training.vector_trainer import Sampler, VectorTrainer, VectorTrainingSettings

CHOSEN = ("minutes", "steps", "seed")
"""Options that vector models take too, besides those of the run."""

FOR_FRAMES = ("start", "refine_share", "likeness", "patience")
"""Options that only models of frames have."""

NAMES = {"start": "from"}
"""Names of options on the command line, where they differ."""


def train_vectors_to_disk(folder: Path, name: str, out: Path, options: dict, run: RunOptions) -> None:
    """Train a vector model; see ``pisada train --help``.

    Args:
        folder: of recordings, or of notes in NSynth's layout.
        name: of the model.
        out: folder for the model.
        options: ``family``, ``configuration``, ``minutes`` or ``steps``, ``seed`` and ``augment``.
        run: how the training runs.

    Raises:
        ProjectError: a name or an option is wrong, or the model exists already.
        OutputError: ``out`` cannot be written.
        AudioFileError: ``folder`` holds nothing to train on.
    """
    for option in FOR_FRAMES:
        if options[option] is not None:
            raise ProjectError(f"--{NAMES.get(option, option.replace('_', '-'))}: not for models of --family")
    path = check_name(name, out, run.replace)
    family = vector_family(options["family"])
    configuration = options["configuration"] or family.configurations[0]
    if configuration not in family.configurations:
        allowed = ", ".join(family.configurations)
        raise ProjectError(f"--configuration {configuration}: '{options['family']}' has {allowed}")
    console = drawing()
    check_folder(out)
    import torch

    from plugin_backend.training import run_options
    from plugin_backend.training.vector_trainer import VectorTrainer, VectorTrainingSettings

    if run.threads:
        torch.set_num_threads(run.threads)
    chosen = {key: options[key] for key in CHOSEN if options[key] is not None}
    if "minutes" not in chosen and "steps" not in chosen:
        chosen["minutes"] = DEFAULT_MINUTES
    settings = VectorTrainingSettings(configuration, range_set=options["augment"], **chosen)
    settings.phase()  # raises for a wrong budget before anything is prepared
    samplers, facts = read_samplers(folder, family, settings, run, console)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise cannot_write(out, problem.strerror) from problem
    log = TensorBoardLogger(run.tensorboard) if run.tensorboard else Logger()
    print_line = partial(console.print, highlight=False, markup=False)
    around = run_options.RunOptions(facts, run.device, log, print_line, run.began_s)
    trainer = VectorTrainer(family, settings, *samplers, path, around)
    try:
        record = _train(trainer, console)
    finally:
        log.close()
    console.print(f"{path}: {record['steps']} steps in {record['minutes']} min", highlight=False, markup=False)


def read_samplers(
    folder: Path, family: VectorFamily, settings: VectorTrainingSettings, run: RunOptions, console: Console
) -> tuple[tuple[Sampler, Sampler], dict]:
    """Return the samplers for training and validation, and the facts that the record keeps of the sounds.

    Args:
        folder: of recordings or notes.
        family: of the model.
        settings: of the run.
        run: how the training runs.
        console: gets messages.

    Raises:
        ProjectError: a source to hold out does not exist.
        AudioFileError: there is nothing to train on.
    """
    from plugin_backend.training.clip_sampler import ClipSampler, GapSampler, clips_of

    rate_hz, clip_samples = family.clip_format(settings.configuration)
    if family.aligned and is_note_folder(folder):
        training, validation = read_note_clips(folder, rate_hz, settings.seed, run.held_out)
        samplers = [ClipSampler(clips, clip_samples, rate_hz, family.pitched) for clips in (training, validation)]
        console.print(f"{len(training)} notes to train on, {len(validation)} held out for validation")
        return (samplers[0], samplers[1]), {
            "notes": len(training),
            "held_out_sources": sorted({clip.source for clip in validation}),
        }
    print_line = partial(console.print, highlight=False, markup=False)
    corpus = prepare_corpus(folder, run.cache, rate_hz, print_line, "--cache")
    print_dropped(corpus, console)
    check_held_out(run.held_out, {sound.source for sound in corpus.sounds})
    sounds, held_out = split_sounds(corpus.sounds, run.held_out or None, seed=settings.seed)
    if not held_out:
        console.print("note: too few sounds to hold any out; validation uses the training sounds")
    range_set = None if settings.range_set == "none" else settings.range_set
    both = [
        ClipSampler(clips_of(part), clip_samples, rate_hz, family.pitched)
        if family.aligned
        else GapSampler(part, clip_samples, rate_hz, effects)
        for part, effects in ((sounds, range_set), (held_out or sounds, None))
    ]
    console.print(f"{len(sounds)} sounds to train on, {len(held_out)} held out for validation")
    return (both[0], both[1]), {
        "sounds": len(sounds),
        "minutes_of_sound": round(sum(sound.audio.size for sound in sounds) / rate_hz / 60, 2),
        "held_out_sources": sorted({sound.source for sound in held_out} - {sound.source for sound in sounds}),
        "held_out_files": sorted({sound.file for sound in held_out}),
        "held_out_copies": find_copies({sound.file for sound in held_out}, corpus.report),
    }


def read_note_clips(folder: Path, rate_hz: int, seed: int, held_out: tuple[str, ...]) -> tuple[list[Clip], list[Clip]]:
    """Return the notes for training and those for validation. Notes for tests are not used.

    Validation uses the notes of ``nsynth-valid``. Without them whole instruments are held out.

    Args:
        folder: in the layout of NSynth.
        rate_hz: the model's rate.
        seed: of the choice.
        held_out: instruments to hold out; empty: a choice by hash.

    Raises:
        ProjectError: an instrument to hold out does not exist.
        AudioFileError: the notes cannot be read.
    """
    from plugin_backend.training.clip_sampler import clips_of_notes

    notes = read_notes(folder, ("train", "valid"))
    check_held_out(held_out, {note.row.instrument_str for note in notes})
    valid = [note for note in notes if note.split == "valid"]
    if valid and len(valid) < len(notes) and not held_out:
        return clips_of_notes([note for note in notes if note.split != "valid"], rate_hz), clips_of_notes(
            valid, rate_hz
        )
    clips = clips_of_notes(notes, rate_hz)
    training, validation = split_sounds(clips, held_out or None, seed=seed)
    return training, validation or training


def _train(trainer: VectorTrainer, console: Console) -> dict:
    """Train with a progress bar and return the record."""
    with (
        Progress(*progress_columns(), console=console, expand=True) as bar,
        stopped_by_signals(trainer.stop_request, console),
    ):
        task = bar.add_task(trainer.phase.name, total=1.0, state="")
        try:
            return trainer.train(
                lambda progress: bar.update(task, completed=progress.progress, state=state_of(progress))
            )
        except KeyboardInterrupt:
            trainer.save()
            raise KeyboardInterrupt(
                f"stopped at step {trainer.state.step} and saved; the same command goes on from there"
            ) from None
