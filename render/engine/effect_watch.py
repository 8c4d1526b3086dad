"""Ends a render whose plug-in does not return from a block."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from plugin_backend.errors import PluginError

LIMIT_S = 60.0
"""The longest time that the effects of a stem may take for one block of 512 samples."""

POLL_S = 0.5
"""Seconds of one wait. While the process is stopped (Ctrl-Z), the pause counts as at most this."""


class EffectWatch:
    """Knows in which stem's effects the engine is, and since when.

    Args:
        fail: called with the error, on another thread. It must end the process, because a plug-in that never returns
            cannot be interrupted.
        limit_s: the longest time.
    """

    def __init__(self, fail: Callable[[BaseException], None], limit_s: float = LIMIT_S):
        self._fail, self._limit_s = fail, limit_s
        self._inside: tuple[str, Sequence[str]] | None = None
        self._entered = 0
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def enter(self, stem: str, effects: Sequence[str]) -> None:
        """The engine goes on with these effects of a stem."""
        self._entered += 1
        self._inside = stem, effects

    def leave(self) -> None:
        """The engine has come back."""
        self._inside = None

    def _run(self) -> None:
        entered, waited_s = -1, 0.0
        while True:
            time.sleep(min(POLL_S, self._limit_s))
            inside, now = self._inside, self._entered
            waited_s = waited_s + min(POLL_S, self._limit_s) if inside and now == entered else 0.0
            entered = now
            if inside and waited_s >= self._limit_s:
                stem, effects = inside
                self._fail(
                    PluginError(
                        f"stem '{stem}': {' or '.join(effects)} did not return from a block in {self._limit_s:g} s; "
                        "remove it, or update it"
                    )
                )
                return
