"""``python -E -P -m render.plugin_server [--config FILE]``: the backend of the DAW plug-in. The plug-in starts it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from plugin_backend.daw_plugin.config import config_path
from plugin_backend.processes import ONE_THREAD_VARIABLES  # nothing may import NumPy before these are set


def main() -> int:
    """Serve the socket on descriptor 3 until its other side is closed; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="render.plugin_server", description="The backend of the DAW plug-in. The plug-in starts it."
    )
    parser.add_argument("--config", type=Path, help="a config file in place of the user's plugin.conf")
    arguments = parser.parse_args()
    os.environ.update(ONE_THREAD_VARIABLES)
    from render.plugin_server.supervisor import supervise

    return supervise(arguments.config or config_path())


if __name__ == "__main__":
    sys.exit(main())
