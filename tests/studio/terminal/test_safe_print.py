"""Printed text cannot move the cursor, and no name or locale stops a command."""

import io
import os
import pty
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from studio.terminal import safe_print

ROOT = Path(__file__).parents[3]


def on_a_terminal(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command in a terminal; return its exit status and everything it prints."""
    master, theirs = pty.openpty()
    command = [sys.executable, "-m", "studio", *arguments]
    process = subprocess.Popen(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    printed = b""
    with closing(open(master, "rb", buffering=0)) as terminal:
        while True:
            try:
                piece = terminal.read(65_536)
            except OSError:  # on Linux the end of a terminal is an error
                break
            if not piece:
                break
            printed += piece
    return process.wait(), printed.decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, ünï, 👣\n\tindented", "plain, ünï, 👣\n\tindented"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("over\rwritten\x9b2J", "over\\x0dwritten\\x9b2J"),
        ("out\udce9", "out\\xe9"),
        ("\ud800", "\\ud800"),
        ("txt\u202egpj", "txt\\u202egpj"),
    ],
)
def test_unprintable_characters_are_escaped(text, expected):
    assert safe_print.escape_unprintable(text) == expected


def test_characters_missing_in_the_locale_are_escaped():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    safe_print.Filtered(stream).write("ü👣")
    stream.flush()
    assert stream.buffer.getvalue() == b"\xfc\\U0001f463"


def test_escapes_in_file_content_do_not_reach_terminal(tmp_path):
    (tmp_path / "p.toml").write_text('"\\u001b]0;owned\\u0007" = 1\n')
    (tmp_path / "c.csv").write_text("id,start,stem\n")
    status, printed = on_a_terminal(tmp_path, "render", "c.csv", "--project", "p.toml", "--dry-run")
    assert status == 2
    assert "\\x1b]0;owned\\x07" in printed
    assert "\x1b" not in printed


def test_escapes_and_markup_in_names_do_not_reach_progress_bar(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    from studio.terminal.progress import progress_bar

    with progress_bar() as bar:
        bar.add_task("[/b]\x1b]0;owned\x07.wav", total=1)
    assert "[/b]\\x1b]0;owned" in stream.getvalue()
    assert "\x1b]" not in stream.getvalue()


def test_render_into_folder_whose_name_is_not_utf8(tmp_path, impulse_bank):
    (tmp_path / "c.csv").write_text("id,start,end,stem,preset\na,0.0,0.02,A,hum\n")
    command = [sys.executable, "-m", "studio", "render", "c.csv", "--model", "pcm", "--bank", str(impulse_bank)]
    command = [*map(os.fsencode, command), b"--no-cache", b"--session", b"rpp", b"--out", b"out\xe9"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "LC_ALL": "C"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert b"out\\xe9/c_R1_FOLEY_v001_report.json" in done.stdout
    assert len(os.listdir(os.fsencode(tmp_path) + b"/out\xe9")) == 6
