"""Steps that signals do not interrupt, in a process with threads that receive signals."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from plugin_backend.training.resume_state import save_state

PROGRAM = """
import os, signal, sys, threading, time
from plugin_backend.output_files import uninterrupted

signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
try:
    with uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        print("whole")
    print("never told")
except KeyboardInterrupt:
    print("told")
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks on this system")
def test_ctrl_c_waits_for_the_step_if_another_thread_receives_it():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert (done.stdout.split(), done.stderr) == (["whole", "told"], "")


def test_a_full_disk_is_an_os_error_when_training_saves_its_state(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device"):
        save_state(tmp_path / "a.state", {"model": {"weight": torch.zeros(3)}}, {})
    assert list(tmp_path.iterdir()) == []
