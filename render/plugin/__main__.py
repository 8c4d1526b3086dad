"""``python -E -P -m render.plugin [--config FILE]``: the backend of the DAW plug-in, which starts it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from plugin_backend.plugin.config import config_path
from render.threads import ONE_EACH  # nothing here may import NumPy before it is set


def main() -> int:
    """Serve the socket that is descriptor 3 until its other side is closed; answers the exit status."""
    parser = argparse.ArgumentParser(prog="render.plugin", description="The backend of the DAW plug-in, which runs it.")
    parser.add_argument("--config", type=Path, help="in place of the user's plugin.conf")
    arguments = parser.parse_args()
    os.environ.update(ONE_EACH)
    from render.plugin.keeper import keep

    return keep(arguments.config or config_path())


if __name__ == "__main__":
    sys.exit(main())
