"""Back to the DAW: sessions with stems, clips or cues on named tracks at their timecode."""

from __future__ import annotations

from pathlib import Path

from plugin_backend.errors import OutputError, ProjectError
from plugin_backend.output_files import write_atomically
from render.session.model import Session

FORMATS = ("rpp", "aaf", "otio")


def write_session(session: Session, path: Path, format: str, embed: bool = False, home: Path | None = None) -> Path:
    """Write a session file; whole or not at all.

    Args:
        session: what is on it.
        path: the file; references to audio are relative to its folder where the format allows.
        format: one of ``FORMATS``.
        embed: put the audio into the file (AAF only).
        home: the folder where the file and its audio will lie, if they are moved together.

    Returns:
        ``path``.

    Raises:
        ProjectError: an unknown format, or one that cannot embed.
        AudioFileError: a file it plays is absent, too short, of another rate, or cannot be embedded.
        OutputError: ``path`` is there already (somebody may have worked in it), or cannot be written.
        CueSheetError: an item's columns do not fit into the format.
        MissingExtraError: AAF without the extra ``aaf``.
    """
    if format not in FORMATS:
        raise ProjectError(f"session format {format!r} is not known: use one of {', '.join(FORMATS)}")
    if embed and format != "aaf":
        raise ProjectError(f"audio can be embedded in an AAF only, not in .{format}")
    if path.exists():
        raise OutputError(f"{path}: is there already; a session is never overwritten: move it, or give another name")
    write_anew(session, path, format, embed, home, only_if_free=True)
    return path


def write_anew(
    session: Session,
    path: Path,
    format: str,
    embed: bool = False,
    home: Path | None = None,
    only_if_free: bool = False,
) -> None:
    """:func:`write_session`, which may replace what is there."""
    from render.session.aaf import write_aaf
    from render.session.otio import write_otio
    from render.session.rpp import write_rpp

    try:
        with write_atomically(path, only_if_free=only_if_free) as temporary:
            if format == "aaf":
                write_aaf(session, path, temporary, embed=embed, home=home)
            else:
                {"rpp": write_rpp, "otio": write_otio}[format](session, path, temporary)
    except OSError as problem:
        raise OutputError(f"{path}: cannot be written ({problem.strerror or problem})") from problem
