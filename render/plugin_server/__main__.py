"""``python -E -P -m render.plugin_server [--config FILE]``: the backend of the DAW plug-in, which starts it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from plugin_backend.daw_plugin.config import config_path
from plugin_backend.processes import ONE_THREAD_VARIABLES  # nothing here may import NumPy before it is set


def main() -> int:
    """Serve the socket that is descriptor 3 until its other side is closed; answers the exit status."""
    parser = argparse.ArgumentParser(
        prog="render.plugin_server", description="The backend of the DAW plug-in, which runs it."
    )
    parser.add_argument("--config", type=Path, help="in place of the user's plugin.conf")
    arguments = parser.parse_args()
    os.environ.update(ONE_THREAD_VARIABLES)
    from render.plugin_server.supervisor import supervise

    return supervise(arguments.config or config_path())


if __name__ == "__main__":
    sys.exit(main())
