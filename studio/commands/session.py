"""``pisada session``: a delivery back to the DAW."""

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
    help="REAPER project, AAF or OpenTimelineIO; may be given again.",
)
@click.option("--clips", is_flag=True, help="Each cue's own file instead of the stems (of a render with --clips).")
@click.option("--embed", is_flag=True, help="Put the audio into the AAF; Pro Tools wants it so.")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write.  [default: beside the stems]")
def session(delivery, formats, clips, embed, out) -> None:
    """Write the stems of DELIVERY, a render's folder or report, as a session on named tracks at their timecode."""
    from render.session import write_session
    from render.session.from_delivery import session_from_delivery, session_path

    if out is not None and len(formats) > 1:
        raise ProjectError("--out names one file: give one --format")
    if embed and "aaf" not in formats:
        raise ProjectError(f"audio can be embedded in an AAF only, not in .{formats[0]}: give --format aaf, too")
    whole = session_from_delivery(delivery, clips)
    for format in formats:
        path = out or session_path(delivery, format, clips)
        click.echo(write_session(whole, path, format, embed and format == "aaf"))
