"""The plug-in's backend with a simple engine of known output, which fails or crashes on request.

python -E -P tests/render/plain_backend.py [SECONDS]      # SECONDS: the longest pause after crashes
"""

# ruff: noqa: E402 (the path comes before the imports)

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[2])  # this file's folder must not come first

from plugin_backend.daw_plugin.config import config_path
from plugin_backend.daw_plugin.parameters import INDEX
from render.plugin_server import loader
from render.plugin_server import supervisor as keeper
from render.plugin_server.engine import Engine
from render.plugin_server.parameter_values import in_range

RAISE, NOT_FINITE, CRASH, EXIT, ILL_NAMED = 100.0, 200.0, 300.0, 400.0, "slow"


class Plain(Engine):
    """Returns ``in × 2^gain_db + hops since the reset + 1000 × takes of slot a`` plus each event's data at its sample.

    The first sample of a hop requests one of the faults named above.
    """

    latency_samples = 0

    def __init__(self, kind, codec, presets, rate_hz, channels, hop_samples, seed):
        self.channels, self.hop_samples, self.rate_hz, self.problems = channels, hop_samples, rate_hz, []
        self._hops, self._takes = 0, 0

    def push(self, hop, parameters, events, wait, changes=()):
        requested = float(hop[0, 0])
        if requested == RAISE:
            raise ValueError("on request")
        if requested == EXIT:
            raise SystemExit("on request")
        if requested == CRASH:
            os.abort()
        out = hop * 2.0 ** float(in_range(parameters)[INDEX["gain_db"]]) + self._hops + 1000 * self._takes
        for offset, data in events:
            out[:, offset] += sum(data)
        self._hops += 1
        return out * float("nan") if requested == NOT_FINITE else out

    def load_session_preset(self, slot, preset):
        time.sleep(0.01)  # long enough for later messages to overtake it
        self._takes = 0 if preset is None else len(preset.header.takes)

    def reset(self):
        self._hops = 0

    def close(self):
        pass


if __name__ == "__main__":
    loader.make_engine = Plain
    sys.exit(keeper.supervise(config_path(), *(float(seconds) for seconds in sys.argv[1:])))
