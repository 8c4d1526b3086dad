"""What is slow, in a thread of its own: actions that need a preset, and takes for the hits to come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from plugin_backend.processes import BACKGROUND_PRIORITY, request_priority
from render.instrument.actions import Action
from render.live.instrument import Instrument


class PresetLoader:
    """Prepares actions in order and hands them on; fetches takes in between.

    Args:
        done: gets each action once it is prepared.
        failed: gets what went wrong.
        realtime: ask for real-time priority, below the worker's.
    """

    def __init__(
        self, instrument: Instrument, done: Callable[[Action], None], failed: Callable[[str], None], realtime: bool
    ):
        self._instrument, self._done, self._failed = instrument, done, failed
        self._asked: SimpleQueue[Action | str | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)
        self._fetching, self._closing, self._realtime = False, False, realtime
        self._thread.start()

    def load(self, action: Action) -> None:
        """Prepare it and hand it on."""
        self._asked.put(action)

    def fetch(self) -> None:
        """Decode takes that will be wanted."""
        if not self._fetching:
            self._fetching = True
            self._asked.put("fetch")

    def _run(self) -> None:
        if self._realtime:
            request_priority(BACKGROUND_PRIORITY)  # the worker tells of a refusal
        while (asked := self._asked.get()) is not None and not self._closing:
            try:
                if isinstance(asked, Action):
                    self._instrument.prepare(asked)
                    self._done(asked)
                else:
                    self._fetching = False
                    self._instrument.fetch(lambda: self._closing)
            except Exception as problem:  # noqa: BLE001 - told in the meter, whatever it is
                self._failed(f"{type(problem).__name__}: {problem}")

    def close(self) -> None:
        """Finish what is being prepared, and no more."""
        self._closing = True
        self._asked.put(None)
        self._thread.join()
