"""``pisada plugin``: the DAW plug-in, built, installed and looked after."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from studio.commands.options import Examples, bank_option

FORMATS = ("vst3", "lv2")
UNWELL = 1

_formats = click.option(
    "--format", "formats", multiple=True, type=click.Choice(FORMATS), help="May be given again.  [default: both]"
)
_sdk = click.option("--sdk", type=click.Path(path_type=Path), help="JUCE's folder.  [default: it is looked for]")
_jobs = click.option("--jobs", type=click.IntRange(1, 64), help="Compilers side by side.  [default: one a core]")


@click.group(epilog="\b\nExample:\n  pisada plugin install --model foley")
def plugin() -> None:
    """Pisada inside a DAW: build, install and check the VST3 and LV2 plug-ins."""


@plugin.command(cls=Examples, example="pisada plugin build --format vst3 --out bundles")
@_formats
@_sdk
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the bundles.  [default: in the user's cache]")
@_jobs
def build(formats, sdk, out, jobs) -> None:
    """Build the plug-ins from their sources; with nothing changed, that is done at once."""
    from studio.workflows.plugin import built_bundles

    for path in built_bundles(formats or FORMATS, sdk, out, jobs):
        click.echo(path)


@plugin.command(cls=Examples, example="pisada plugin install --bank my-bank --model my-doors.safetensors")
@_formats
@click.option(
    "--to", multiple=True, type=click.Path(path_type=Path), help="Folder for the bundles; may be given again.  "
    "[default: the user's own of each format]"
)  # fmt: skip
@bank_option
@click.option("--model", default="foley", show_default=True, help="A factory model's name or a .safetensors file.")
@click.option("--from", "source", type=click.Path(path_type=Path), help="Bundles built elsewhere; nothing is built.")
@_sdk
@_jobs
def install(formats, to, banks, model, source, sdk, jobs) -> None:
    """Put the plug-ins where DAWs look, and tell them this Python, the model and the banks.

    They are built first, where they did not come with Pisada and are not built yet.
    """
    from studio.workflows.plugin import install_bundles

    for path in install_bundles(formats or FORMATS, to, banks, model, source, sdk, jobs):
        click.echo(path)


@plugin.command(cls=Examples, example="pisada plugin uninstall")
def uninstall() -> None:
    """Remove what install put there, and nothing else."""
    from plugin_backend.daw_plugin.install import uninstall as taken

    for path, told in taken():
        click.echo(f"{path}: {told}")


@plugin.command(cls=Examples, example="pisada plugin doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(as_json) -> None:
    """Check what the plug-in needs to sound, and say what to do where it would not; exit status 1 then."""
    from plugin_backend.daw_plugin.diagnostics import FAILED
    from studio.workflows.plugin_doctor import print_checks, run_checks

    checks = list(run_checks())
    print_checks(checks, as_json)
    if any(check.state == FAILED for check in checks):
        sys.exit(UNWELL)
