"""docs/plugin.md agrees with the tables in the code."""

import re
from pathlib import Path

import pytest

from plugin_backend.daw_plugin.parameters import EFFECT, INSTRUMENT, LATENTS, PLUGIN_PARAMETERS
from plugin_backend.daw_plugin.shared_memory import hop_of
from plugin_backend.models.registry import describe_codec
from render.plugin_server.engine_factory import RATES_HZ, engine_latency
from studio.cli import pisada

DOC = (Path(__file__).parents[3] / "docs" / "plugin.md").read_text(encoding="utf-8")
SHORT = {EFFECT: "fx", INSTRUMENT: "in"}
BLOCKS = (64, 256, 512, 1024, 2048)


def row_of(parameter) -> str:
    row, unit = parameter.row, f" {parameter.row.unit}" if parameter.row.unit else ""
    number = re.match(r"latent(\d+)_", parameter.id)
    id_, name = (text.replace(number[1], "N") if number else text for text in (parameter.id, parameter.name))
    kinds = ", ".join(SHORT[kind] for kind in parameter.kinds)
    return f"| `{id_}` | {name} | {row.low:g} … {row.high:g}{unit} | {row.default:g} | {kinds} | {row.doc} |"


def section(title: str) -> str:
    return re.search(rf"^## {title}\n(.*?)(?=^## )", DOC, re.DOTALL | re.MULTILINE)[1]


def test_documented_table_equals_parameters():
    rows = [row_of(parameter) for parameter in PLUGIN_PARAMETERS]
    message = [line for line in section("Parameters").splitlines() if line.startswith("| `")]
    assert message == list(dict.fromkeys(rows))
    assert all(rows.count(row) == LATENTS for row in message if row.startswith("| `latentN"))


def latency_rows() -> list[str]:
    rows, spec = [], describe_codec("foley")
    for kind in (EFFECT, INSTRUMENT):
        for rate in RATES_HZ:
            hop = hop_of(rate)
            whole = [(-(-block // hop) + 1) * hop + engine_latency(kind, spec, rate) for block in BLOCKS]
            cells = " | ".join(f"{samples} ({1000 * samples / rate:.1f})" for samples in whole)
            rows.append(f"| {kind}, {rate} | {engine_latency(kind, spec, rate)} | {cells} |")
    return rows


def test_documented_latencies_equal_engines():
    message = [line for line in section("Latency").splitlines() if re.match(r"\| (effect|instrument), ", line)]
    assert message == latency_rows()


def test_every_option_is_documented():
    for name, command in pisada.commands["plugin"].commands.items():
        for parameter in command.params:
            longest = max(parameter.opts, key=len)
            assert parameter.help or longest == "--help", (name, longest)
    options = {parameter.opts[0] for parameter in pisada.commands["plugin"].commands["install"].params}
    assert [option for option in options if f"`{option}" not in section("Install")] == []


@pytest.mark.parametrize("name", ["dawdreamer", "pedalboard"])
def test_snippets_compile(name):
    snippets = re.findall(r"```python\n(.*?)```", section("From Python"), re.DOTALL)
    (own,) = [snippet for snippet in snippets if f" {name}" in snippet.splitlines()[0] + snippet.splitlines()[1]]
    compile(own, name, "exec")
