"""``pisada session``: write a delivery as a session for the DAW."""

from __future__ import annotations

from pathlib import Path

import click

from plugin_backend.errors import ProjectError
from studio.commands.options import Examples


@click.command(cls=Examples, example="pisada session stems --format rpp --format otio")
@click.argument("delivery", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "formats",
    multiple=True,
    required=True,
    type=click.Choice(["rpp", "aaf", "otio"]),
    help="REAPER project, AAF or OpenTimelineIO. Repeat for several.",
)
@click.option(
    "--clips", is_flag=True, help="Use a file per cue in place of the stems; the render must have used --clips."
)
@click.option("--embed", is_flag=True, help="Put the audio into the AAF, as Pro Tools needs it.")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write.  [default: a file next to the stems]")
def session(delivery: Path, formats: tuple[str, ...], clips: bool, embed: bool, out: Path | None) -> None:
    """Write the stems of DELIVERY, a render's folder or report, as a session: named tracks at their timecode."""
    from render.session import write_session
    from render.session.from_delivery import session_from_delivery, session_path

    if out is not None and len(formats) > 1:
        raise ProjectError("--out names one file: give one --format")
    if embed and "aaf" not in formats:
        raise ProjectError(f"audio can be embedded in an AAF only, not in .{formats[0]}: give --format aaf, too")
    whole = session_from_delivery(delivery, clips)
    for format_ in formats:
        path = out or session_path(delivery, format_, clips)
        click.echo(write_session(whole, path, format_, embed and format_ == "aaf"))
