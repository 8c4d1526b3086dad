"""The ``pisada`` command. Heavy parts are imported when a command runs, never for ``--help``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from plugin_backend.errors import PisadaError, ProjectError
from studio.commands.apply import apply_preset
from studio.commands.batch import batch
from studio.commands.capture import capture
from studio.commands.corpus import corpus, corpus_fetch
from studio.commands.cues import cues as cues_group
from studio.commands.delivery_options import delivery_options
from studio.commands.doctor import doctor
from studio.commands.evaluate import evaluate
from studio.commands.export import export
from studio.commands.import_rave import import_rave
from studio.commands.live import live, live_replay
from studio.commands.mix import mix
from studio.commands.options import Examples, bank_option, named_banks
from studio.commands.plugin import plugin
from studio.commands.preset import preset as preset_group
from studio.commands.session import session
from studio.commands.sheet_options import SKIP, sheet_options
from studio.commands.train import train
from studio.terminal.safe_print import safe_text

FAILED, INTERRUPTED = 1, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pisada")
def pisada() -> None:
    """Pisada: cue sheets in, VAE-performed Foley stems out."""


@pisada.command(cls=Examples, example="pisada render reel1.csv --fps 23.976 --start-tc 01:00:00:00 --out stems")
@click.argument("cues", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for stems, report.json and the picture.")
@sheet_options
@SKIP
@click.option(
    "--model",
    "models",
    multiple=True,
    help="A factory model's name or a .safetensors file; if given again, each preset is decoded by its own.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Project seed; each cue's own derives from it.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes to share the stems among.  [default: one a core]")
@click.option("--stream", "streaming", is_flag=True, help="Decode in small pieces, as live playing does.")
@delivery_options
@click.option("--clips", is_flag=True, help="Write each cue as a file of its own too.")
@click.option(
    "--session",
    "sessions",
    multiple=True,
    type=click.Choice(["rpp", "aaf", "otio"]),
    help="Write a session of the stems too, as `pisada session` does; may be given again.",
)
@click.option("--no-cache", is_flag=True, help="Decode every cue, render every stem; keep nothing for the next time.")
@click.option("--explain", is_flag=True, help="Say of every cue why it was rendered or not.")
@click.option("--unless-there", is_flag=True, help="Do nothing where the newest version is what would be rendered.")
@click.option("--dry-run", is_flag=True, help="Print the resolved cue table; touch nothing.")
def render(
    cues, out, project_file, mapping, banks, models, jobs, streaming, bits, clips, sessions, no_cache, explain,
    unless_there, dry_run, **fields,
) -> None:  # fmt: skip
    """Render CUES (CSV, XLSX, MIDI, a session or an edit list) to Broadcast-WAV stems and their FOLEY sum."""
    from render.engine.make_plan import make_plan

    from render.cues.cue import ReadOptions
    from render.plan.resolve import read_sheet, with_sheet_rate
    from render.project.project import project_from

    if out is None and not dry_run:
        raise ProjectError("give --out DIR for the stems, or --dry-run to see the cue table")
    if out is None and explain:
        raise ProjectError("--explain compares with the newest version in a folder: give --out DIR too")
    paths = {"bank": named_banks(banks), "mapping": str(mapping) if mapping else None}
    fields["bits"] = int(bits) if bits else None
    chosen = {"models": list(models)} if len(models) > 1 else {"model": next(iter(models), None)}
    project = project_from(project_file, cues, **chosen, **paths, **fields)
    sheet = read_sheet(cues, project, ReadOptions(partial=True))
    project = with_sheet_rate(project, sheet)
    cache = None
    if not dry_run:
        from studio.workflows.render import cue_cache

        cache = cue_cache(no_cache)
    plan = make_plan(project, sheet, cache)
    for remark in plan.remarks:
        click.echo(f"note: {remark}", err=True)
    if dry_run:
        from studio.terminal.tables import print_cue_table

        print_cue_table(plan, project)
        if explain and out is not None:
            from studio.workflows.render import explain_without_rendering

            explain_without_rendering(plan, project, out, no_cache, clips)
        return
    from studio.workflows.render import is_rendered, render_to_disk

    if unless_there and is_rendered(plan, project, out, clips):
        return
    render_to_disk(plan, project, out, jobs, streaming, clips, sessions, no_cache, explain)


@pisada.command(cls=Examples, example="pisada presets --bank my-bank")
@bank_option
def presets(banks) -> None:
    """List a bank's presets."""
    from presets.bank import Bank
    from studio.terminal.tables import print_bank

    print_bank(Bank(banks))


for command in (
    apply_preset,
    batch,
    capture,
    corpus,
    corpus_fetch,
    cues_group,
    doctor,
    evaluate,
    export,
    import_rave,
    live,
    live_replay,
    mix,
    plugin,
    preset_group,
    session,
    train,
):
    pisada.add_command(command)


def main() -> None:
    """Run the command; exit 0, 2 for bad input, 130 when interrupted, 1 for anything else."""
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
    except OSError as problem:  # what no command told: a name too long to look at, a full disk behind standard output
        click.echo(f"pisada: {problem.filename or 'input or output'}: {problem.strerror or problem}", err=True)
        sys.exit(FAILED)
    except UnicodeError as problem:  # a name that is no UTF-8, where something keeps names as text
        click.echo(f"pisada: a name or text cannot be written: {problem}", err=True)
        sys.exit(FAILED)
    except (KeyboardInterrupt, click.Abort) as stop:
        told = str(stop.__cause__ or "") or "interrupted; nothing was kept"
        click.echo(f"pisada: {told}", err=True)
        sys.exit(INTERRUPTED)
