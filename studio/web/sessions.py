"""Sessions: one for each tab of the browser, with its own folder, banks, sounds and undo history."""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_backend.errors import ProjectError, SessionError
from studio.web.clips import Clips
from studio.web.library import Library, Models
from studio.web.settings import Settings

if TYPE_CHECKING:
    from studio.web.sound.engine import SoundEngine

ID = re.compile(r"[A-Za-z0-9_-]{22}")
STALE_S = 30 * 24 * 3600
"""The folder of a session that was not used for this long is removed when the studio starts."""


class Session:
    """One tab.

    Attributes:
        id: secret name.
        settings: of the studio.
        folder: of its files; made when the first file is written.
        library: its banks.
        clips: sounds that its panes made.
        state: what panes keep in memory, by the pane's name.
        lock: held while a pane's state changes.
        streaming: whether its sound is connected.
    """

    def __init__(self, id: str, settings: Settings, models: Models):
        self.id, self.settings = id, settings
        self.folder = settings.work / "sessions" / id
        self.library = Library(settings.banks, self.folder / "bank", models)
        self.clips = Clips()
        self.state: dict[str, Any] = {}
        self.lock = threading.RLock()
        self.used = time.monotonic()
        self.streaming = False
        self._engine: SoundEngine | None = None

    @property
    def engine(self) -> SoundEngine:
        """What plays in this tab."""
        with self.lock:
            if self._engine is None:
                from studio.web.sound.engine import SoundEngine

                self._engine = SoundEngine(self.library, clips=self.clips.find)
            return self._engine

    def own_folder(self, name: str) -> Path:
        """Return a folder of the session, made if it is absent.

        Args:
            name: of the folder; the program's, never a user's.

        Raises:
            ProjectError: it cannot be made.
        """
        folder = self.folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise ProjectError(f"{folder}: cannot be made ({problem.strerror})") from problem
        return folder

    def stored_bytes(self) -> int:
        """Return how many bytes its files take."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


class Sessions:
    """All open sessions. When there are too many, the one that was idle for longest and plays nothing is closed.

    Args:
        settings: of the studio.

    Attributes:
        models: of all sessions.
    """

    def __init__(self, settings: Settings):
        self._settings, self._open = settings, dict[str, Session]()
        self._lock = threading.Lock()
        self.models = Models(settings.models)
        self._remove_stale()

    def open(self, id: str = "") -> Session:
        """Return a new session, or the one that a tab had before.

        Args:
            id: of the earlier session; empty for a new one.

        Raises:
            SessionError: too many sessions play.
        """
        with self._lock:
            if id in self._open:
                return self._open[id]
            while len(self._open) >= self._settings.limits.sessions:
                idle = [session for session in self._open.values() if not session.streaming]
                if not idle:
                    raise SessionError(f"{len(self._open)} tabs play already; close one")
                del self._open[min(idle, key=lambda session: session.used).id]
            known = ID.fullmatch(id) and (self._settings.work / "sessions" / id).is_dir()
            session = Session(id if known else secrets.token_urlsafe(16), self._settings, self.models)
            self._open[session.id] = session
            return session

    def __getitem__(self, id: str) -> Session:
        """Return an open session.

        Raises:
            SessionError: there is none.
        """
        session = self._open.get(id)
        if session is None:
            raise SessionError("this tab's session is closed; reload the page")
        session.used = time.monotonic()
        return session

    @property
    def streams(self) -> int:
        """How many sessions play."""
        return sum(session.streaming for session in list(self._open.values()))

    def _remove_stale(self) -> None:
        folder = self._settings.work / "sessions"
        oldest = time.time() - STALE_S
        for path in folder.iterdir() if folder.is_dir() else ():
            if ID.fullmatch(path.name) and path.is_dir() and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
