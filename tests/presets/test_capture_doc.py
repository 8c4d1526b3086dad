"""docs/capture.md agrees with the tables of modes and options."""

from pathlib import Path

from plugin_backend.modes.parameters import CONTROLS
from studio.cli import pisada

DOC = (Path(__file__).parents[2] / "docs" / "capture.md").read_text(encoding="utf-8")


def test_every_control_is_described_correctly():
    for row in CONTROLS.values():
        unit = f" {row.unit}" if row.unit else ""
        assert f"| `{row.name}` | {row.low:g} … {row.high:g}{unit} | {row.default:g} | {row.doc} |" in DOC


def test_every_option_is_reported():
    options = {max(option.opts, key=len) for option in pisada.commands["capture"].params if option.opts[0][0] == "-"}
    assert [option for option in sorted(options - {"--name", "--bank", "--overwrite"}) if f"`{option}" not in DOC] == []
