"""``pisada plugin``: build, install and check the DAW plug-in."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from studio.commands.options import MODEL_HELP, Examples, bank_option

FORMATS = ("vst3", "lv2")
UNWELL = 1

_formats = click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(FORMATS),
    help="Plug-in format. Repeat for several.  [default: both]",
)
_sdk = click.option("--sdk", type=click.Path(path_type=Path), help="Folder of JUCE.  [default: it is searched for]")
_jobs = click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    help="How many compilers run at the same time.  [default: one per processor core]",
)


@click.group(epilog="\b\nExample:\n  pisada plugin install --model foley")
def plugin() -> None:
    """Build, install and check the VST3 and LV2 plug-ins for DAWs."""


@plugin.command(cls=Examples, example="pisada plugin build --format vst3 --out bundles")
@_formats
@_sdk
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the bundles.  [default: a folder in the user's cache]"
)
@_jobs
def build(formats: tuple[str, ...], sdk: Path | None, out: Path | None, jobs: int | None) -> None:
    """Build the plug-ins from their sources. If nothing has changed, this takes no time."""
    from studio.workflows.plugin import built_bundles

    for path in built_bundles(formats or FORMATS, sdk, out, jobs):
        click.echo(path)


@plugin.command(cls=Examples, example="pisada plugin install --bank my-bank --model my-doors.safetensors")
@_formats
@click.option(
    "--to",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder for the bundles. Repeat for several.  [default: the user's own folder of each format]",
)
@bank_option
@click.option("--model", default="foley", show_default=True, help=MODEL_HELP)
@click.option("--from", "source", type=click.Path(path_type=Path), help="Folder with bundles that are built already.")
@_sdk
@_jobs
def install(
    formats: tuple[str, ...],
    to: tuple[Path, ...],
    banks: tuple[Path, ...],
    model: str,
    source: Path | None,
    sdk: Path | None,
    jobs: int | None,
) -> None:
    """Install the plug-ins where DAWs look for them, and configure them with this Python, the model and the banks.

    If they did not come with Pisada and are not built yet, they are built first.
    """
    from studio.workflows.plugin import install_bundles

    for path in install_bundles(formats or FORMATS, to, banks, model, source, sdk, jobs):
        click.echo(path)


@plugin.command(cls=Examples, example="pisada plugin uninstall")
def uninstall() -> None:
    """Remove exactly what install has put there."""
    from plugin_backend.daw_plugin.install import uninstall as remove

    for path, result in remove():
        click.echo(f"{path}: {result}")


@plugin.command(cls=Examples, example="pisada plugin doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(as_json: bool) -> None:
    """Check what the plug-in needs to sound, and print what to do for each problem. Exit status 1 if a check fails."""
    from plugin_backend.daw_plugin.diagnostics import FAILED
    from studio.workflows.plugin_doctor import print_checks, run_checks

    checks = list(run_checks())
    print_checks(checks, as_json)
    if any(check.state == FAILED for check in checks):
        sys.exit(UNWELL)
