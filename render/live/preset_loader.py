"""The loader thread does the slow work: it prepares actions that need a preset, and decodes takes for coming hits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from plugin_backend.processes import BACKGROUND_PRIORITY, request_priority
from render.instrument.actions import Action
from render.live.instrument import Instrument


class PresetLoader:
    """Prepares actions in their order and passes them on; decodes takes in between.

    Args:
        instrument: whose actions and takes are prepared.
        on_prepared: receives each action once it is prepared.
        on_failure: receives the error message.
        realtime: request real-time priority, below the worker's.
    """

    def __init__(
        self,
        instrument: Instrument,
        on_prepared: Callable[[Action], None],
        on_failure: Callable[[str], None],
        realtime: bool,
    ):
        self._instrument, self._on_prepared, self._on_failure = instrument, on_prepared, on_failure
        self._requests: SimpleQueue[Action | str | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)
        self._fetching, self._closing, self._realtime = False, False, realtime
        self._thread.start()

    def load(self, action: Action) -> None:
        """Prepare an action and pass it on."""
        self._requests.put(action)

    def fetch(self) -> None:
        """Decode the takes that will be needed."""
        if not self._fetching:
            self._fetching = True
            self._requests.put("fetch")

    def _run(self) -> None:
        if self._realtime:
            request_priority(BACKGROUND_PRIORITY)  # the worker reports a refusal
        while (request := self._requests.get()) is not None and not self._closing:
            try:
                if isinstance(request, Action):
                    self._instrument.prepare(request)
                    self._on_prepared(request)
                else:
                    self._fetching = False
                    self._instrument.fetch(lambda: self._closing)
            except Exception as problem:  # noqa: BLE001 - the meter shows every error
                self._on_failure(f"{type(problem).__name__}: {problem}")

    def close(self) -> None:
        """Finish the request in work and end the thread; waiting requests are dropped."""
        self._closing = True
        self._requests.put(None)
        self._thread.join()
