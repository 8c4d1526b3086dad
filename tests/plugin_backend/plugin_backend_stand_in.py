"""A small backend for the tests of the plug-in's bridge: exact outputs, crashes and hangs on request.

It replaces ``python -m render.plugin_server``: a supervisor that forks a server, descriptor 3, the same memory and
messages. A hop becomes ``input · mix + session``, as late as ``--latency`` says; a note makes a sample louder by its
number / 128 where it is. ``session`` is the length of slot a's preset file / 1024.
"""

from __future__ import annotations

import argparse
import ctypes
import mmap
import os
import platform
import select
import signal
import socket
import sys
import time
from pathlib import Path

import numpy as np

from plugin_backend.daw_plugin.ipc_messages import packed, unpacked
from plugin_backend.daw_plugin.parameters import INDEX, KINDS
from plugin_backend.daw_plugin.shared_memory import HEADER, HEADER_BYTES, READY, RESET, SLOTS, VERSION, slot_dtype
from plugin_backend.errors import PluginError

LIBC = ctypes.CDLL(None, use_errno=True)
FUTEX = {"x86_64": 202, "aarch64": 98}[platform.machine()]
WAIT, WAKE, PARENT_DIES = 0, 1, 1
RATES_HZ = 44_100, 48_000, 96_000, 192_000


class Time(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


def futex(word: np.ndarray, what: int, value: int) -> None:
    """Wait 10 ms at most, or wake."""
    LIBC.syscall(FUTEX, ctypes.c_void_p(word.ctypes.data), what, value, ctypes.byref(Time(0, 10_000_000)), None, 0)


class Open:
    """An instance: its memory, and its position."""

    def __init__(self, memory: int, bell: socket.socket | None, latency: int):
        size = os.fstat(memory).st_size
        shared = mmap.mmap(memory, size)
        self.header = np.ndarray((), HEADER, shared)
        channels, hop = int(self.header["channels"]), int(self.header["hop_samples"])
        self.slots = np.ndarray((SLOTS,), slot_dtype(channels, hop), shared, HEADER_BYTES)
        self.bell, self.past, self.session = bell, np.zeros((channels, latency), np.float32), 0.0
        self.next = self.limit = int(self.header["submitted"])
        self.header["state"] = READY

    def answer(self) -> bool:
        if self.limit == self.next & 0xFFFFFFFF:
            return False
        slot = self.slots[self.next % SLOTS]
        if slot["flags"] & RESET:
            self.past[:] = 0
        sound = slot["input"] * slot["parameters"][INDEX["mix"]] + np.float32(self.session)
        for event in slot["events"][: slot["event_count"]]:
            sound[:, event["offset_samples"]] += np.float32(event["data"][1] / 128)
        both = np.concatenate([self.past, sound], 1)
        slot["output"], self.past = both[:, : sound.shape[1]], both[:, sound.shape[1] :]
        self.next += 1
        slot["out_tag"] = self.next
        self.header["answered"] = self.next & 0xFFFFFFFF
        if self.bell:
            self.bell.send(b"\0", socket.MSG_DONTWAIT)
        else:
            futex(np.ndarray((1,), "<u4", self.header, HEADER.fields["answered"][1]), WAKE, 64)
        return True


def serve(link: socket.socket, options: argparse.Namespace, first: bool) -> None:
    """Compute hops until the host ends."""
    instances: dict[str, Open] = {}
    bell = word = None
    link.send(packed("ready", pid=os.getpid()))
    while True:
        seen = int(word[0]) if word is not None else 0
        for instance in instances.values():  # messages sent before a hop are handled before it
            instance.limit = int(instance.header["submitted"])
        while select.select([link], [], [], 0)[0]:
            data, descriptors, _, _ = socket.recv_fds(link, 8192, 4)
            if not data:
                return
            verb, values = unpacked(data)
            if verb == "bell" and values["kind"] == "socket":
                bell = socket.socket(fileno=descriptors.pop(0))
            elif verb == "bell":
                word = np.ndarray((1,), "<u4", mmap.mmap(descriptors[0], 4096))
            elif verb == "open":
                to_host = socket.socket(fileno=descriptors.pop(1)) if len(descriptors) > 1 else None
                before = instances.get(values["id"])  # opened by a message that a server before this one left unread
                instances[values["id"]] = Open(descriptors[0], to_host, options.latency)
                if before:
                    instances[values["id"]].next = before.next
                link.send(packed("opened", id=values["id"]))
            elif verb == "close":
                instances.pop(values["id"], None)
            elif verb == "session" and values["id"] in instances:
                size = os.fstat(descriptors[0]).st_size if descriptors else 0
                instances[values["id"]].session = size / 1024
            for descriptor in descriptors:
                os.close(descriptor)
        furthest = max((instance.next for instance in instances.values()), default=0)
        if first and options.crash_at is not None and furthest >= options.crash_at:
            os.kill(os.getppid() if options.whole else os.getpid(), signal.SIGKILL)
        if first and options.hang_at is not None and furthest >= options.hang_at:
            time.sleep(3600)
        if any([instance.answer() for instance in instances.values()]):
            continue
        if bell:
            select.select([bell, link], [], [], 0.01)
            with_byte = select.select([bell], [], [], 0)[0]
            bell.recv(4096, socket.MSG_DONTWAIT) if with_byte else None
        elif word is not None:
            futex(word, WAIT, seen)
        else:
            select.select([link], [], [], 0.01)


def forked(link: socket.socket, options: argparse.Namespace, first: bool) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        LIBC.prctl(PARENT_DIES, signal.SIGKILL, 0, 0, 0)
        serve(link, options, first)
    except (PluginError, OSError, KeyError) as problem:
        print(f"stand-in: {problem!r}", file=sys.stderr)
    finally:
        os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True, help="gets a file for each process, named by its id")
    parser.add_argument("--latency", type=int, default=0)
    parser.add_argument("--crash-at", type=int, help="hop at which the first server is killed")
    parser.add_argument("--whole", action="store_true", help="kill the supervisor, not its server")
    parser.add_argument("--every", action="store_true", help="kill every server")
    parser.add_argument("--hang-at", type=int, help="hop at which the first server stops answering")
    parser.add_argument("--pause-s", type=float, default=0, help="before each server but the first")
    parser.add_argument("--version", type=int, default=VERSION)
    options = parser.parse_args()
    first = options.every or not any(options.folder.iterdir())
    (options.folder / str(os.getpid())).touch()
    link = socket.socket(fileno=3)
    link.send(
        packed("hello", version=options.version, edition="0", model="stand-in", fingerprint="f", latents=4, presets=2)
    )
    for kind in KINDS:
        for rate in RATES_HZ:
            link.send(packed("latency", kind=kind, rate_hz=rate, samples=options.latency))
    for number, name in enumerate(("Gravel", "Snow"), 1):
        row = {"number": number, "name": name, "sort": "hit", "digest": "d", "path": f"/{name}", "description": "of it"}
        link.send(packed("preset", **row))
    while True:
        pid = forked(link, options, first)
        (options.folder / str(pid)).touch()
        gone = select.poll()
        gone.register(link, 0)
        while not (ended := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)) and not gone.poll(5):
            pass
        if not ended:
            return
        first = options.every
        link.send(packed("died", how=f"status {ended.si_status}"))
        time.sleep(options.pause_s)


if __name__ == "__main__":
    main()
