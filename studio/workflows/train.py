"""Train a model from a folder, with a progress bar, and say what came of it."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace as with_changes
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from plugin_backend.corpus.dataset import Corpus, prepare_corpus
from plugin_backend.corpus.holdout import split_sounds
from plugin_backend.corpus.report import find_copies
from plugin_backend.corpus.sampling_weights import sampling_weights
from plugin_backend.corpus.scan import escape_name
from plugin_backend.errors import OutputError, ProjectError
from plugin_backend.evaluation.data.evaluation_set import held_out_of
from plugin_backend.models.registry import NEW_MODELS, PCM, describe_codec, trainable_family
from plugin_backend.training.config import FINE_TUNE_RATE, TrainingSettings, state_path
from plugin_backend.training.crop_sampler import CropSampler
from plugin_backend.training.loggers import Logger, TensorBoardLogger
from plugin_backend.training.schedule import PHASES, phases
from plugin_backend.training.time_budget import TrainingProgress
from studio.terminal.safe_print import console as drawing
from studio.workflows.overwrite_guard import check_folder

if TYPE_CHECKING:
    from plugin_backend.training.stop_request import StopRequest

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
DEFAULT_MINUTES, MOST_LISTED = 30.0, 10
STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def settings_from(chosen: dict) -> TrainingSettings:
    """The options a user gave over the defaults; a model to start from lowers the learning rate."""
    given = {key: value for key, value in chosen.items() if value is not None}
    given["range_set"] = given.pop("augment", "musical")
    if "minutes" not in given and "steps" not in given:
        given["minutes"] = DEFAULT_MINUTES
    settings = TrainingSettings(**given)
    phases(settings)  # refuses a wrong budget before anything is prepared
    return settings if settings.start == "scratch" else with_changes(settings, peak_rate=FINE_TUNE_RATE)


def held_out_before(start: str, sources: set[str]) -> tuple[str, ...]:
    """Those of ``sources`` that the starting model was never taught; learning them now would spoil its judges.

    None for ``scratch``, or where nothing else would be left to learn from.
    """
    if start == "scratch":
        return ()
    kept = sources & held_out_of(start).sources
    return tuple(sorted(kept)) if kept != sources else ()


def print_dropped(corpus: Corpus, console: Console) -> None:
    """A line for each file that is not learned from, as far as they fit on a screen."""
    dropped = corpus.report["dropped"]
    for each in dropped[:MOST_LISTED]:
        console.print(
            f"dropped {escape_name(each['file'])}: {escape_name(each['reason'])}", highlight=False, markup=False
        )
    if len(dropped) > MOST_LISTED:
        console.print(f"and {len(dropped) - MOST_LISTED} more: `pisada corpus` tells of all", highlight=False)


@contextmanager
def stopped_by_signals(stopping: StopRequest, console: Console) -> Iterator[None]:
    """Let what stops a program stop a run, and say so at once."""

    def stop(number: int, frame: object) -> None:
        with suppress(OSError):  # of a terminal that was closed
            console.print("saving…")
        stopping.request()

    before = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def progress_columns() -> tuple[ProgressColumn, ...]:
    """Phase, bar, state and time: on 80 columns none is cut."""
    whole = Column(no_wrap=True, min_width=max(map(len, PHASES)))
    state = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    return (
        TextColumn("{task.description}", table_column=whole, markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[state]}", table_column=state, markup=False),
        TimeElapsedColumn(),
    )


def state_of(moment: TrainingProgress) -> str:
    """How a run stands, in at most 42 characters: with the rest it fits on 80 columns."""
    loss = next((f", loss {value:.2f}" for value in moment.losses.values()), "")
    return f"{moment.left_s / 60:.1f} min left, step {moment.step}{loss}"


def train_to_disk(
    folder: Path,
    name: str,
    out: Path,
    chosen: dict,
    replace: bool,
    device: str,
    threads: int | None,
    held_out: tuple[str, ...],
    cache: Path | None,
    tensorboard: Path | None,
    began_s: float,
) -> None:
    """See ``pisada train --help``; ``began_s`` is when the command began, by :func:`time.monotonic`.

    Raises:
        ProjectError: a name or an option is wrong, or the model is there already.
        OutputError: ``out`` cannot be written.
        AudioFileError: ``folder`` holds nothing to learn from.
    """
    if not NAME.fullmatch(name):
        raise ProjectError(f"--name {name}: use a-z, 0-9, '_', '-' and '.', beginning with a letter or digit")
    if name == PCM:
        raise ProjectError(f"--name {name}: this is the identity codec's name; call the model something else")
    path = out / f"{name}.safetensors"
    if path.exists() and not replace and not state_path(path).exists():
        raise ProjectError(f"{path} is there already: give another --name, or --replace to train it anew")
    settings, console = settings_from(chosen), drawing()
    if settings.start != "scratch":
        describe_codec(settings.start)
    check_folder(out)
    rate_hz = trainable_family(NEW_MODELS).sample_rate
    corpus = prepare_corpus(
        folder, cache, rate_hz, lambda line: console.print(line, highlight=False, markup=False), "--cache"
    )
    print_dropped(corpus, console)
    absent = sorted(set(held_out) - {sound.source for sound in corpus.sounds})
    if absent:
        there = ", ".join(sorted({sound.source for sound in corpus.sounds}))
        raise ProjectError(f"--hold-out {absent[0]}: no such source; sources here: {there}")
    if not held_out:
        held_out = held_out_before(settings.start, {sound.source for sound in corpus.sounds})
        if held_out:
            console.print(f"holding out, as {settings.start} did: {', '.join(held_out)}", highlight=False, markup=False)
    learned, judged = split_sounds(corpus.sounds, held_out or None, seed=settings.seed)
    if not judged:
        console.print("note: too few sounds to hold any back; the judgements are on what it learns from")
    range_set = None if settings.range_set == "none" else settings.range_set
    samplers = [
        CropSampler(sounds, sampling_weights(sounds), settings.crop_samples, rate_hz, augmentation)
        for sounds, augmentation in ((learned, range_set), (judged or learned, None))
    ]
    facts = {
        "sounds": len(learned),
        "minutes_of_sound": round(sum(sound.audio.size for sound in learned) / rate_hz / 60, 2),
        "held_out_sources": sorted({sound.source for sound in judged} - {sound.source for sound in learned}),
        "held_out_files": sorted({sound.file for sound in judged}),
        "held_out_copies": find_copies({sound.file for sound in judged}, corpus.report),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"{out}: cannot write here ({problem.strerror})") from problem
    import torch

    from plugin_backend.training.trainer import RunOptions, Trainer

    if threads:
        torch.set_num_threads(threads)
    log = TensorBoardLogger(tensorboard) if tensorboard else Logger()
    tell = partial(console.print, highlight=False, markup=False)
    run = Trainer(settings, *samplers, path, RunOptions(facts, device, log, tell, began_s))
    progress = Progress(*progress_columns(), console=console, expand=True)
    with progress as bar, stopped_by_signals(run.stop_request, console):
        tasks: dict[str, int] = {}

        def watch(moment: TrainingProgress) -> None:
            if moment.phase not in tasks:
                tasks[moment.phase] = bar.add_task(moment.phase, total=1.0, state="")
            bar.update(tasks[moment.phase], completed=moment.progress, state=state_of(moment))

        try:
            console.print(f"{len(learned)} sounds to learn from, {len(judged)} held back to judge by")
            record = run.train(watch)
        except KeyboardInterrupt:
            run.save(measured=False)
            raise KeyboardInterrupt(
                f"stopped at step {run.state.step} and saved; the same command goes on from there"
            ) from None
        finally:
            log.close()
    console.print(f"{path}: {record['steps']} steps in {record['minutes']} min", highlight=False, markup=False)
