"""The backend's Python client: starting a backend, and its errors."""

import os
import sys
import tempfile

import pytest

from plugin_backend.daw_plugin.config import VARIABLE, PluginConfig, write_config
from plugin_backend.errors import PluginError
from render.plugin_server.client import INHERITED, READY_S, PluginClient

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is passed on as Linux does")


@pytest.mark.alone("the descriptor it takes may be the one that pytest-xdist speaks over")
def test_log_works_on_the_descriptor_that_the_backend_inherits(tmp_path, impulse_bank, monkeypatch):
    write_config(PluginConfig(sys.executable, "pcm", (str(impulse_bank),)), tmp_path / "plugin.conf")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "plugin.conf"))
    before = os.dup(INHERITED) if os.path.exists(f"/proc/self/fd/{INHERITED}") else None
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), INHERITED)
        try:
            with PluginClient(sys.executable, INHERITED) as caller:
                caller.wait_for_hello()
                caller.until("ready", READY_S)
                caller.open_instance("effect")
        finally:
            if before is None:
                os.close(INHERITED)
            else:
                os.dup2(before, INHERITED)
                os.close(before)
        printed.seek(0)
        assert b"codec 'pcm' loaded in" in printed.read()


def test_missing_interpreter_is_named():
    held = len(os.listdir("/proc/self/fd"))
    with pytest.raises(PluginError, match="/no/such/python: cannot be started"):
        PluginClient("/no/such/python")
    assert len(os.listdir("/proc/self/fd")) == held
