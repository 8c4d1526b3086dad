"""What a studio is opened with: project, banks, work folder, address and limits."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_data_path

from plugin_backend.errors import ProjectError
from presets.bank import FACTORY
from render.project.project import Project, read_project

PROJECT_FILE = "project.toml"
WORK_FOLDER = "studio"
DEFAULT_PORT = 7333


@dataclass(frozen=True)
class Limits:
    """Limits of one server.

    Attributes:
        sessions: most tabs; the one that was idle for longest makes room.
        streams: most tabs that play at the same time.
        waiting: most slow requests that wait.
        upload_bytes: largest uploaded file.
        body_bytes: largest request that is not an upload.
        session_bytes: most bytes of uploads that a session may keep.
    """

    sessions: int = 64
    streams: int = 8
    waiting: int = 64
    upload_bytes: int = 256 * 2**20
    body_bytes: int = 2**20
    session_bytes: int = 2**30


@dataclass(frozen=True)
class Settings:
    """What a studio is opened with.

    Attributes:
        project: the project, or the default project.
        project_file: its file; ``None`` without one.
        banks: folders of presets, or the word ``factory``.
        models: names of the models that may decode.
        work: folder of the sessions.
        host: address to listen on.
        port: port to listen on; 0 for any.
        token: secret that the opened address holds.
        limits: limits of the server.
    """

    project: Project
    project_file: Path | None
    banks: tuple[str, ...]
    models: tuple[str, ...]
    work: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    limits: Limits = Limits()

    @property
    def title(self) -> str:
        """Name of what is open: the project's file and folder, or the banks."""
        if self.project_file is not None:
            return self.project_file.resolve().parent.name
        return ", ".join(Path(bank).name for bank in self.banks)


def open_settings(
    project: Path | None, banks: Sequence[Path], work: Path | None = None, host: str = "127.0.0.1", port: int = 0
) -> Settings:
    """Return the settings of a studio.

    Args:
        project: a project file, or a folder that holds ``project.toml``; ``None`` for none.
        banks: folders of presets, before those of the project; without any, the factory bank.
        work: folder of the sessions; by default ``studio`` beside the project file, or the user's data folder.
        host: address to listen on.
        port: port to listen on; 0 for any.

    Raises:
        ProjectError: the project cannot be read.
    """
    file = project
    if project is not None and project.is_dir():
        file = project / PROJECT_FILE
        if not file.is_file():
            raise ProjectError(f"{project}: it holds no {PROJECT_FILE}; give a project file or a folder that holds one")
    settings = read_project(file) if file is not None else Project()
    named = settings.bank or []
    of_project = [named] if isinstance(named, str) else list(named)
    chosen = tuple(dict.fromkeys([*map(str, banks), *of_project])) or (FACTORY,)
    default = user_data_path("pisada") / WORK_FOLDER if file is None else file.resolve().parent / WORK_FOLDER
    return Settings(settings, file, chosen, settings.codecs, work or default, host, port)
