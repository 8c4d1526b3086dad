"""Ardour 7 without a screen: a session made by its Lua, its sounds put in, exported by its own tool.

Ardour's console has no way to import a file. So the script bounces silence, which makes regions and their files, and
the sounds are written over these files. Everything Ardour keeps of a person lies in ``home``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

LIBRARIES = Path("/usr/lib/ardour7")
INSTALLED = bool(shutil.which("ardour7-lua") and shutil.which("ardour7-export") and LIBRARIES.is_dir())
SIDES = {1: ("",), 2: ("%L", "%R")}
TRIES = 5
"""Ardour 7.3's exporter frees its channels in two threads, and dies of it at its end, of short exports above all: in 8
runs of 24 with no plug-in at all, 1 of 24 with ZaMaximX2, none of 24 with ours. Then it is run again; what it writes
is compared to the bit all the same."""


@dataclass(frozen=True)
class Track:
    """``sound`` is ``[channels, samples]``; ``plugin`` a VST3's name or an LV2's URI; ``settings`` name → 0 … 1."""

    name: str
    sound: np.ndarray
    plugin: str = ""
    settings: dict[str, float] = field(default_factory=dict)

    def plan(self) -> list[str]:
        lines = [f"track {self.name} {len(self.sound)}"]
        if self.plugin:
            lines += [f"{'lv2' if ':' in self.plugin else 'vst3'} {self.plugin}"]
            lines += [f"set {value!r} {label}" for label, value in self.settings.items()]
        return lines


class Ardour:
    """Ardour's tools in a home of their own.

    Args:
        home: a folder, made if need be.
        variables: more of the environment.
    """

    def __init__(self, home: Path, **variables: str):
        folders = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache", "XDG_DATA_HOME": ".local/share"}
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("ARDOUR")}
        self.environment |= {key: str(home / folder) for key, folder in folders.items()}
        self.environment |= {
            "HOME": str(home),
            "ARDOUR_BACKEND": "None (Dummy)",
            "ARDOUR_DATA_PATH": "/usr/share/ardour7",
            "ARDOUR_CONFIG_PATH": "/etc/ardour7",
            "ARDOUR_DLL_PATH": str(LIBRARIES),
            **variables,
        }
        home.mkdir(parents=True, exist_ok=True)

    def scan(self, bundle: Path) -> str:
        """Make a VST3 known, and return what the scanner prints."""
        path = {"LD_LIBRARY_PATH": str(LIBRARIES)}
        message_lines = self._run([LIBRARIES / "ardour-vst3-scanner", "-f", "-v", bundle], path)
        for found in (Path(self.environment["XDG_CACHE_HOME"]) / "ardour7" / "vst").glob("*.v3i"):
            os.utime(found, (time.time() + 60,) * 2)  # of a plug-in made in the same second it would know nothing
        assert "Found Plugin" in message_lines, message_lines
        return message_lines

    def session(self, folder: Path, tracks: list[Track], rate_hz: int = 48_000) -> None:
        """Make ``folder`` a session of tracks that all begin at 0 and are equally long."""
        (length,) = {track.sound.shape[1] for track in tracks}
        plan = folder.with_suffix(".plan")
        plan.write_text("\n".join(line for track in tracks for line in track.plan()) + "\n")
        script = Path(__file__).with_name("session.lua")
        message_lines = self._run(["ardour7-lua", script, folder, folder.name, rate_hz, length, plan])
        file = folder / f"{folder.name}.ardour"
        saved = file.read_text(encoding="utf-8") if file.exists() else ""
        assert 'flags="IsRangeMarker"' in saved, message_lines
        file.write_text(saved.replace('flags="IsRangeMarker"', 'flags="IsSessionRange"'), encoding="utf-8")
        for track in tracks:
            for side, channel in zip(SIDES[len(track.sound)], track.sound, strict=True):
                (own,) = (folder / "interchange" / folder.name / "audiofiles").glob(f"{track.name}{side}.wav")
                assert soundfile.info(own).frames == length
                soundfile.write(own, channel, rate_hz, "FLOAT")

    def exported(self, folder: Path, rate_hz: int = 48_000) -> tuple[np.ndarray, str]:
        """The session's master, ``[2, samples]`` float32, and what was said meanwhile."""
        out = folder.with_suffix(".wav")
        command = ["ardour7-export", "-b", "float", "-s", rate_hz, "-o", out, folder, folder.name]
        for _ in range(TRIES):
            out.unlink(missing_ok=True)
            done = self._done(command)
            if done.returncode not in (-signal.SIGABRT, -signal.SIGSEGV):
                break
        message_lines = done.stdout + done.stderr
        assert done.returncode == 0 and out.exists(), message_lines
        sound, rate = soundfile.read(out, dtype="float32")
        assert rate == rate_hz
        return sound.T, message_lines

    def _run(self, command: list[object], more: dict[str, str] | None = None) -> str:
        done = self._done(command, more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def _done(self, command: list[object], more: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        words, environment = [str(part) for part in command], self.environment | (more or {})
        return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
