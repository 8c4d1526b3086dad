"""What speaks to a backend from Python: what it starts, and what it says where it cannot."""

import os
import sys
import tempfile

import pytest

from plugin_backend.daw_plugin.config import VARIABLE, PluginConfig, write_config
from plugin_backend.errors import PluginError
from render.plugin_server.client import INHERITED, READY_S, PluginClient

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is passed on as Linux does")


@pytest.mark.alone("the descriptor it takes may be the one that pytest-xdist speaks over")
def test_the_log_is_heard_even_where_it_is_the_descriptor_that_the_backend_inherits(
    tmp_path, impulse_bank, monkeypatch
):
    write_config(PluginConfig(sys.executable, "pcm", (str(impulse_bank),)), tmp_path / "plugin.conf")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "plugin.conf"))
    before = os.dup(INHERITED) if os.path.exists(f"/proc/self/fd/{INHERITED}") else None
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), INHERITED)
        try:
            with PluginClient(sys.executable, INHERITED) as caller:
                caller.greeted()
                caller.until("ready", READY_S)
                caller.opened("effect")
        finally:
            if before is None:
                os.close(INHERITED)
            else:
                os.dup2(before, INHERITED)
                os.close(before)
        said.seek(0)
        assert b"codec 'pcm' loaded in" in said.read()


def test_an_interpreter_that_is_gone_is_named():
    held = len(os.listdir("/proc/self/fd"))
    with pytest.raises(PluginError, match="/no/such/python: cannot be started"):
        PluginClient("/no/such/python")
    assert len(os.listdir("/proc/self/fd")) == held
