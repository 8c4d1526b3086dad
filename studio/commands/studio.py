"""``pisada studio``: open the studio, a web page on this machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from studio.commands.options import Examples, bank_option

PARTS = ("starlette", "uvicorn", "websockets")


@click.command("studio", cls=Examples, example="pisada studio examples/night_walk/project.toml")
@click.argument("project", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=7333, show_default=True, help="Port to listen on; 0 for any."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Any other address lets other machines reach the studio.",
)
@bank_option
@click.option("--work", type=click.Path(path_type=Path), help="Folder of the studio's own files.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def studio(
    project: Path | None, port: int, host: str, banks: tuple[Path, ...], work: Path | None, no_browser: bool
) -> None:
    """Open the studio of PROJECT, a project file or its folder, in the browser: hear, shape, mix and map sounds."""
    from plugin_backend.errors import MissingExtraError

    if any(find_spec(part) is None for part in PARTS):
        raise MissingExtraError("pisada studio", "studio")
    from studio.web.serve import serve
    from studio.web.settings import open_settings

    settings = open_settings(project, banks, work, host, port)
    serve(settings, lambda line: click.echo(f"studio: {line}"), browser=not no_browser)
