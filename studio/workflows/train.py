"""Train a model from a folder with a progress bar, and print the result."""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from dataclasses import replace as with_changes
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from plugin_backend.corpus.dataset import Corpus, prepare_corpus
from plugin_backend.corpus.holdout import split_sounds
from plugin_backend.corpus.report import find_copies
from plugin_backend.corpus.sampling_weights import sampling_weights
from plugin_backend.corpus.scan import escape_name
from plugin_backend.errors import ProjectError
from plugin_backend.evaluation.data.evaluation_set import held_out_of
from plugin_backend.models.registry import (
    NEW_MODELS,
    PCM,
    checkpoint_path,
    describe_codec,
    family_name,
    trainable_family,
)
from plugin_backend.output_files import cannot_write
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
DEFAULT_START, DEFAULT_MINUTES, MOST_LISTED = "foley", 30.0, 10
STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def settings_from(options: dict) -> TrainingSettings:
    """Return the settings: the given options over the defaults. A start model lowers the learning rate.

    Raises:
        ProjectError: a budget is wrong, or ``configuration`` is given without a family.
    """
    if options.get("configuration"):
        raise ProjectError("--configuration: only with --family")
    given = {"start": DEFAULT_START} | {key: value for key, value in options.items() if value is not None}
    given["range_set"] = given.pop("augment", "musical")
    if "minutes" not in given and "steps" not in given:
        given["minutes"] = DEFAULT_MINUTES
    settings = TrainingSettings(**given)
    phases(settings)  # raises for a wrong budget before anything is prepared
    return settings if settings.start == "scratch" else with_changes(settings, peak_rate=FINE_TUNE_RATE)


def check_name(name: str, out: Path, replace: bool) -> Path:
    """Return the path of a model to train.

    Args:
        name: of the model.
        out: its folder.
        replace: whether a finished model may be replaced.

    Raises:
        ProjectError: the name is not allowed, or there is a finished model of this name.
    """
    if not NAME.fullmatch(name):
        raise ProjectError(f"--name {name}: use a-z, 0-9, '_', '-' and '.', with a letter or digit first")
    if name == PCM:
        raise ProjectError(f"--name {name}: this is the identity codec's name; call the model something else")
    path = out / f"{name}.safetensors"
    if path.exists() and not replace and not state_path(path).exists():
        raise ProjectError(f"{path} is there already: give another --name, or --replace to train it anew")
    return path


def held_out_before(start: str, sources: set[str]) -> tuple[str, ...]:
    """Return those of ``sources`` that the start model held out. Training on them would spoil its discriminators.

    Empty for ``scratch``, or if nothing else would be left to train on.
    """
    if start == "scratch":
        return ()
    held_out = sources & held_out_of(start).sources
    return tuple(sorted(held_out)) if held_out != sources else ()


def sample_rate_of(start: str) -> int:
    """Return the sample rate in Hz at which a run trains, given its start model or ``scratch``.

    Raises:
        CheckpointError: there is no such start model, it is damaged, or its family cannot be trained.
    """
    if start == "scratch":
        return trainable_family(NEW_MODELS).sample_rate
    describe_codec(start)
    return trainable_family(family_name(checkpoint_path(start))).sample_rate


def check_held_out(held_out: tuple[str, ...], sources: set[str]) -> None:
    """Check that sources to hold out exist.

    Raises:
        ProjectError: one does not.
    """
    if absent := sorted(set(held_out) - sources):
        raise ProjectError(f"--hold-out {absent[0]}: no such source; sources here: {', '.join(sorted(sources))}")


def print_dropped(corpus: Corpus, console: Console) -> None:
    """Print a line for each file that is not used, up to ``MOST_LISTED`` lines."""
    dropped = corpus.report["dropped"]
    for entry in dropped[:MOST_LISTED]:
        console.print(
            f"dropped {escape_name(entry['file'])}: {escape_name(entry['reason'])}", highlight=False, markup=False
        )
    if len(dropped) > MOST_LISTED:
        console.print(f"and {len(dropped) - MOST_LISTED} more: `pisada corpus` lists all", highlight=False)


@contextmanager
def stopped_by_signals(stopping: StopRequest, console: Console) -> Iterator[None]:
    """Let a signal that stops a program request the end of a training, and print that at once.

    A thread prints it: the main thread, which must raise the request, may be inside a long computation.
    """
    receiving, sending = socket.socketpair()
    sending.setblocking(False)

    def print_at_once() -> None:
        numbers = iter(lambda: receiving.recv(1), b"")
        if any(number[0] in STOPPING for number in numbers):
            with suppress(OSError):  # the terminal was closed
                console.print("saving…")

    before = {number: signal.signal(number, lambda *_: stopping.request()) for number in STOPPING}
    printing = threading.Thread(target=print_at_once, daemon=True)
    printing.start()
    signal.set_wakeup_fd(sending.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        sending.close()
        printing.join()
        receiving.close()


def progress_columns() -> tuple[ProgressColumn, ...]:
    """Return the columns of the progress bar: phase, bar, state and time. All fit on 80 columns."""
    whole = Column(no_wrap=True, min_width=max(map(len, PHASES)))
    state = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    return (
        TextColumn("{task.description}", table_column=whole, markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[state]}", table_column=state, markup=False),
        TimeElapsedColumn(),
    )


def state_of(progress: TrainingProgress) -> str:
    """Return the state of a training in at most 42 characters, so that the bar fits on 80 columns."""
    loss = next((f", loss {value:.2f}" for value in progress.losses.values()), "")
    return f"{progress.left_s / 60:.1f} min left, step {progress.step}{loss}"


@dataclass(frozen=True)
class RunOptions:
    """How a training runs.

    Attributes:
        replace: whether a finished model of this name is trained again from the start.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: number of processor threads; ``None``: one per core.
        held_out: sources for validation; empty: those that the start model held out, else a tenth.
        cache: folder for the prepared corpus.
        tensorboard: folder for TensorBoard.
        began_s: when the command began, by :func:`time.monotonic`.
    """

    replace: bool
    device: str
    threads: int | None
    held_out: tuple[str, ...]
    cache: Path | None
    tensorboard: Path | None
    began_s: float


def train_to_disk(folder: Path, name: str, out: Path, options: dict, run: RunOptions) -> None:
    """Train a model; see ``pisada train --help``.

    Args:
        folder: of recordings.
        name: of the model.
        out: folder for the model.
        options: fields of the training settings, as :func:`settings_from` takes them.
        run: how the training runs.

    Raises:
        ProjectError: a name or an option is wrong, or the model exists already.
        OutputError: ``out`` cannot be written.
        AudioFileError: ``folder`` holds nothing to train on.
    """
    path = check_name(name, out, run.replace)
    settings, console = settings_from(options), drawing()
    rate_hz = sample_rate_of(settings.start)
    check_folder(out)
    print_line = partial(console.print, highlight=False, markup=False)
    corpus = prepare_corpus(folder, run.cache, rate_hz, print_line, "--cache")
    print_dropped(corpus, console)
    sources = {sound.source for sound in corpus.sounds}
    check_held_out(run.held_out, sources)
    held_out = run.held_out
    if not held_out:
        held_out = held_out_before(settings.start, sources)
        if held_out:
            print_line(f"holding out, as {settings.start} did: {', '.join(held_out)}")
    training, validation = split_sounds(corpus.sounds, held_out or None, seed=settings.seed)
    if not validation:
        console.print("note: too few sounds to hold any out; validation uses the training sounds")
    range_set = None if settings.range_set == "none" else settings.range_set
    train_sampler, validation_sampler = (
        CropSampler(sounds, sampling_weights(sounds), settings.crop_samples, rate_hz, augmentation)
        for sounds, augmentation in ((training, range_set), (validation or training, None))
    )
    facts = {
        "sounds": len(training),
        "minutes_of_sound": round(sum(sound.audio.size for sound in training) / rate_hz / 60, 2),
        "held_out_sources": sorted({sound.source for sound in validation} - {sound.source for sound in training}),
        "held_out_files": sorted({sound.file for sound in validation}),
        "held_out_copies": find_copies({sound.file for sound in validation}, corpus.report),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise cannot_write(out, problem.strerror) from problem
    import torch

    from plugin_backend.training.run_options import RunOptions
    from plugin_backend.training.trainer import Trainer

    if run.threads:
        torch.set_num_threads(run.threads)
    log = TensorBoardLogger(run.tensorboard) if run.tensorboard else Logger()
    surroundings = RunOptions(facts, run.device, log, print_line, run.began_s)
    trainer = Trainer(settings, train_sampler, validation_sampler, path, surroundings)
    with (
        Progress(*progress_columns(), console=console, expand=True) as bar,
        stopped_by_signals(trainer.stop_request, console),
    ):
        tasks: dict[str, TaskID] = {}

        def show_progress(progress: TrainingProgress) -> None:
            if progress.phase not in tasks:
                tasks[progress.phase] = bar.add_task(progress.phase, total=1.0, state="")
            bar.update(tasks[progress.phase], completed=progress.progress, state=state_of(progress))

        try:
            console.print(f"{len(training)} sounds to train on, {len(validation)} held out for validation")
            record = trainer.train(show_progress)
        except KeyboardInterrupt:
            trainer.save(measured=False)
            raise KeyboardInterrupt(
                f"stopped at step {trainer.state.step} and saved; the same command goes on from there"
            ) from None
        finally:
            log.close()
    console.print(f"{path}: {record['steps']} steps in {record['minutes']} min", highlight=False, markup=False)
