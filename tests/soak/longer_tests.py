"""What the quick suite does in a small way: random orders with many examples, the bridge with sanitizers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.native_builds import SANITIZERS, skip_reason

ROOT = Path(__file__).parents[2]
BRIDGE = ("test_bridge.py", "test_bridge_failures.py")
LONGEST_S = 3600


def random_orders(bank: Path, examples: int) -> dict[str, Callable[[], None]]:
    """Return the state machines of sets of files, caches, versions and batches, each to be run by a call.

    Args:
        bank: has a preset ``hum`` of the model ``pcm``.
        examples: random orders of the quick machines; the slow ones, which render, get a twentieth.
    """
    from hypothesis import HealthCheck, settings
    from hypothesis.stateful import run_state_machine_as_test

    from render.batch import Pool
    from tests.render.batch.test_any_order import run_batches
    from tests.render.batch_runs import Kept
    from tests.render.delivery.test_any_order import Cached, Sets, Versions

    def of(machine, count: int) -> Callable[[], None]:
        health = list(HealthCheck)
        many = settings(max_examples=count, stateful_step_count=30, deadline=None, suppress_health_check=health)
        return lambda: run_state_machine_as_test(machine, settings=many)

    def batches() -> None:
        pool = Kept(1)
        try:
            run_batches(bank, pool, examples=few, steps=20)
        finally:
            Pool.close(pool)

    few, Versions.bank = max(1, examples // 20), bank
    return {
        "sets of files": of(Sets, examples),
        "cached sounds": of(Cached, examples),
        "versions": of(Versions, few),
        "batches": batches,
    }


def bridge_tests(kind: str) -> tuple[int, str]:
    """Run all tests of the plug-in's bridge, built with a sanitizer.

    Args:
        kind: of :data:`tests.native_builds.SANITIZERS`.

    Returns:
        The exit status, and the last line that pytest printed or why nothing was run.
    """
    if reason := skip_reason(kind):
        return 0, f"not run: {reason}"
    folder = ROOT / "tests" / "plugin_backend" / "daw_plugin"
    flags = {"PISADA_PROBE_FLAGS": " ".join(("-g", *SANITIZERS[kind]))}
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *(folder / f for f in BRIDGE)]
    ran = subprocess.run(
        command, cwd=ROOT, env=os.environ | flags, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    return ran.returncode, (ran.stdout.strip().splitlines() or [""])[-1].strip("= ")
