"""``python -m render.plugin``: start :mod:`render.plugin_server`, for bundles that an older version installed."""

from __future__ import annotations

import runpy

runpy.run_module("render.plugin_server", run_name="__main__", alter_sys=True)
