"""The ``pisada`` command: its group, and the exit statuses. A command imports its heavy parts only when it runs."""

from __future__ import annotations

import atexit
import gc
import signal
import sys

import click

from plugin_backend.errors import PisadaError
from studio.commands.apply import apply_preset
from studio.commands.batch import batch
from studio.commands.capture import capture
from studio.commands.corpus import corpus, corpus_fetch
from studio.commands.corpus_notes import corpus_notes
from studio.commands.cues import cues
from studio.commands.doctor import doctor
from studio.commands.evaluate import evaluate
from studio.commands.export import export
from studio.commands.find import find
from studio.commands.generate import generate
from studio.commands.import_rave import import_rave
from studio.commands.live import live, live_replay
from studio.commands.map import map_sounds
from studio.commands.mix import mix
from studio.commands.picture_metrics import picture_metrics
from studio.commands.plugin import plugin
from studio.commands.preset import preset, presets
from studio.commands.render import render
from studio.commands.session import session
from studio.commands.spot import spot
from studio.commands.studio import studio
from studio.commands.timbre import timbre
from studio.commands.train import train
from studio.terminal.safe_print import safe_text

FAILED, INTERRUPTED = 1, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pisada")
def pisada() -> None:
    """Pisada: reads cue sheets and renders Foley stems, performed by a VAE."""


for command in (
    apply_preset,
    batch,
    capture,
    corpus,
    corpus_fetch,
    corpus_notes,
    cues,
    doctor,
    evaluate,
    export,
    find,
    generate,
    import_rave,
    live,
    live_replay,
    map_sounds,
    mix,
    picture_metrics,
    plugin,
    preset,
    presets,
    render,
    session,
    spot,
    studio,
    timbre,
    train,
):
    pisada.add_command(command)


def main() -> None:
    """Run the command. Exit status: 0, 2 for bad input, 130 when interrupted, 1 for any other error."""
    atexit.register(gc.freeze)  # the end searches PyTorch's objects for garbage several times: more than a second
    with safe_text():
        _run()


def _run() -> None:
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, signal.default_int_handler)
    try:
        pisada(standalone_mode=False)
    except click.UsageError as wrong:
        wrong.show()
        sys.exit(2)
    except PisadaError as problem:
        for line in getattr(problem, "lines", [str(problem)]):
            click.echo(f"pisada: {line}", err=True)
        sys.exit(problem.exit_status)
    except OSError as problem:  # not handled by a command: a name that is too long, a full disk behind standard output
        click.echo(f"pisada: {problem.filename or 'input or output'}: {problem.strerror or problem}", err=True)
        sys.exit(FAILED)
    except UnicodeError as problem:  # a name that is not UTF-8, where a library needs text
        click.echo(f"pisada: a name or text cannot be written: {problem}", err=True)
        sys.exit(FAILED)
    except (KeyboardInterrupt, click.Abort) as stop:
        message = str(stop.__cause__ or "") or "interrupted; nothing was kept"
        click.echo(f"pisada: {message}", err=True)
        sys.exit(INTERRUPTED)
