"""One thread a process: workers share the cores among themselves, and a process of one thread may be forked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
ONE_EACH = dict.fromkeys(COUNTS, "1")
"""Of the environment; libraries read it as they are imported."""


@contextmanager
def one_thread_each() -> Iterator[None]:
    """What is started in the block computes with one thread."""
    before = {name: os.environ.get(name) for name in COUNTS}
    os.environ.update(ONE_EACH)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
