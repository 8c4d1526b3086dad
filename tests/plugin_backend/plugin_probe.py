"""Build the plug-in's bridge with its command-line host, without JUCE, and run it with a backend."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from plugin_backend.daw_plugin.cpp_header import cpp_header

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "plugin_backend" / "native"
STAND_IN = Path(__file__).with_name("plugin_backend_stand_in.py")
RATE, HOP = 48_000, 512
WARNINGS = "-Wall", "-Wextra", "-Wpedantic", "-Werror"


def compiler() -> str | None:
    return os.environ.get("CXX") or shutil.which("g++")


def build(folder: Path, *flags: str) -> tuple[Path, Path]:
    """Return the command-line host, and the same as a library.

    ``flags`` and those of ``PISADA_PROBE_FLAGS`` go to the compiler.
    """
    more = [*os.environ.get("PISADA_PROBE_FLAGS", "").split(), *flags]
    (folder / "pisada_tables.h").write_text(cpp_header())
    sources = [*sorted((NATIVE / "bridge").glob("*.cpp")), NATIVE / "test_host" / "test_host.cpp"]
    common = [compiler(), "-std=c++17", "-O1", "-fPIC", "-fno-gnu-unique", "-pthread", *WARNINGS, *more]
    objects = [folder / f"{source.stem}.o" for source in sources]
    jobs = [
        subprocess.Popen([*common, f"-I{folder}", "-c", source, "-o", out])
        for source, out in zip(sources, objects, strict=True)
    ]
    assert not any([job.wait() for job in jobs])
    program, library = folder / "probe", folder / "libprobe.so"
    for kind, out in (["-pie"], program), (["-shared"], library):
        subprocess.run([*common, *kind, *objects, "-o", out], check=True)
    return program, library


@dataclass
class Probe:
    """A command-line host and the backend of its config file; every process of the backend leaves its id."""

    program: Path
    library: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.pids, self.config = self.folder / "pids", self.folder / "plugin.conf"
        self.pids.mkdir()
        self.environment = {
            **os.environ,
            "PISADA_PLUGIN_CONFIG": str(self.config),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }

    def backend(self, *options: object) -> Probe:
        """Use the stand-in with these options; none of its processes has run yet."""
        words = [sys.executable, STAND_IN, "--folder", self.pids, *options]
        return self.script("exec " + " ".join(f"'{word}'" for word in words))

    def script(self, line: str) -> Probe:
        shell = self.folder / "interpreter"
        shell.write_text(f"#!/bin/sh\nexport PYTHONPATH='{ROOT}'\n{line}\n")
        shell.chmod(0o700)
        self.config.write_text(f"interpreter {shell}\n")
        shutil.rmtree(self.pids)
        self.pids.mkdir()
        return self

    def words(self, sound: np.ndarray | None, script: str, settings: dict) -> list[str]:
        if sound is not None:
            (self.folder / "in").write_bytes(np.ascontiguousarray(sound, "<f4").tobytes())
            settings = {"channels": len(sound), "frames": sound.shape[1], "in": self.folder / "in", **settings}
        (self.folder / "script").write_text(script)
        settings = {"script": self.folder / "script", "out": self.folder / "out", **settings}
        return [str(word) for key, value in settings.items() for word in (f"--{key}", value)]

    def play(self, sound: np.ndarray | None = None, script: str = "", **settings: object) -> tuple[np.ndarray, list]:
        """Return every instance's output, ``[instances, channels, samples]``, and its JSON results."""
        ran = self.run([self.program, *self.words(sound, script, settings)])
        result = json.loads(ran.stdout)["instances"]
        channels = len(sound) if sound is not None else int(settings.get("channels", 2))
        self.errors = ran.stderr
        return np.fromfile(self.folder / "out", "<f4").reshape(len(result), channels, -1), result

    def run(self, command: list, **more) -> subprocess.CompletedProcess:
        ran = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=300, check=False, **more
        )
        assert ran.returncode == 0, ran.stderr
        return ran

    @contextmanager
    def hold(self, **settings: object) -> Iterator[dict]:
        """Yield the JSON results of a host that keeps running; it is killed at the end."""
        command = [self.program, *self.words(None, "", {"hold": 1, **settings})]
        with subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True) as host:
            try:
                yield json.loads(host.stdout.readline())
            finally:
                host.kill()

    def running(self) -> list[int]:
        """Return the backend's running processes."""
        return [int(path.name) for path in self.pids.iterdir() if _runs(int(path.name))]

    def all_end(self, seconds: float = 30) -> bool:
        until = time.monotonic() + seconds
        while self.running() and time.monotonic() < until:
            time.sleep(0.02)
        return not self.running()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
