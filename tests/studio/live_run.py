"""Helpers of the tests of ``pisada live``: run it in this process, or start it in another one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import soundfile
from click.testing import CliRunner, Result

from studio.commands.live import live

RATE, BLOCK = 48_000, 512
PLAIN = ("--preset", "click", "--strength", 0, "--blend", 0, "--no-meter")
"""Options that play the input unchanged through the identity codec."""


def run(*arguments: object) -> Result:
    """Run ``pisada live`` in this process."""
    return CliRunner().invoke(live, [str(argument) for argument in arguments], catch_exceptions=False)


class Running:
    """``pisada live`` in a separate process."""

    def __init__(self, folder: Path, *arguments: object):
        command = [sys.executable, "-m", "studio", "live", *map(str, arguments)]
        self._errors = folder / "stderr.txt"
        with open(self._errors, "w") as errors:
            out = {"stdout": subprocess.PIPE, "stderr": errors, "text": True, "preexec_fn": _in_the_foreground}
            self.process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **out)
        self.printed = ""

    def until(self, words: str, seconds: float = 90.0) -> None:
        """Wait until it has printed some words."""
        end = time.monotonic() + seconds
        while words not in self.printed and time.monotonic() < end:
            self.printed = self._errors.read_text()
            time.sleep(0.02)
        assert words in self.printed, self.printed

    def end(self, by: signal.Signals = signal.SIGINT, status: int = 0) -> str:
        """End it with Ctrl-C or another signal; return the summary."""
        self.process.send_signal(by)
        summary, _ = self.process.communicate(timeout=90)
        self.printed = self._errors.read_text()
        assert (self.process.returncode, "Traceback" in self.printed) == (status, False), self.printed
        return summary


def _in_the_foreground() -> None:
    """Let Ctrl-C through: a process in the background of a shell ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def log_of(take: Path) -> list[dict]:
    """Return the log of a complete recording, whose files have the length in its last line."""
    log = [json.loads(line) for line in (take / "control.jsonl").read_text().splitlines()]
    lengths = [soundfile.info(take / name).frames for name in ("input.wav", "output.wav")]
    assert lengths == 2 * [log[-1]["end"]]
    return log
