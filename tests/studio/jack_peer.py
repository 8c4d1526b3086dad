"""A JACK client that plays a known sound and records what comes back, each with its position on the server's clock."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jack
import numpy as np

RATE, SECONDS = 48_000, 60


def noise() -> np.ndarray:
    """What is played, in a loop: no two samples are alike, and all are exact in float32."""
    return (np.random.default_rng(7).permutation(RATE * SECONDS) / 2**22 - 0.375).astype(np.float32)


def main(server: str, out: str, stop: str) -> None:
    source, sink = (jack.Client(name, servername=server) for name in ("source", "sink"))
    outgoing, incoming = source.outports.register("out_1"), sink.inports.register("in_1")
    played, kept = noise(), np.zeros(RATE * SECONDS, np.float32)

    @source.set_process_callback
    def play(frames):
        at = source.last_frame_time % len(played)
        outgoing.get_array()[:] = np.take(played, range(at, at + frames), mode="wrap")

    @sink.set_process_callback
    def keep(frames):
        at = sink.last_frame_time % len(kept)
        kept[np.arange(at, at + frames) % len(kept)] = incoming.get_array()

    source.activate()
    sink.activate()
    print("ready", flush=True)
    while not Path(stop).exists():
        time.sleep(0.05)
    np.save(Path(out).with_suffix(".played.npy"), played)
    np.save(out, kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
