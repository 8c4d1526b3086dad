"""A worker process of the pool: orders in, progress and outcomes out, until its parent is gone."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection

from render.batch.orphans import die_with


def serve(pipe: Connection, parent: int) -> None:
    """The process's main function."""
    die_with(parent)
    os.dup2(2, 1)  # libraries print; standard output belongs to the parent
    import msgspec

    import render.delivery.picture  # noqa: F401
    from render.batch.engine import Order
    from render.batch.perform import perform

    while True:
        try:
            order = msgspec.json.decode(pipe.recv_bytes(), type=Order)
        except EOFError:
            return
        outcome = perform(order, lambda progress: pipe.send_bytes(msgspec.json.encode(progress)))
        pipe.send_bytes(msgspec.json.encode(outcome))
