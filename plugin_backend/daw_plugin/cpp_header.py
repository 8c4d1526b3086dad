"""Write the Python tables as a C++ header for ``pisada plugin build``, so that each is defined once."""

from __future__ import annotations

from typing import Any

from plugin_backend.daw_plugin import shared_memory as memory
from plugin_backend.daw_plugin.parameters import EXACT, INDEX, KINDS, PLUGIN_PARAMETERS


def cpp_header() -> str:
    """Return ``pisada_tables.h``: constants of the shared memory, offsets of its fields, and the parameters."""
    constants = {
        "magic": memory.MAGIC,
        "version": memory.VERSION,
        "headerBytes": memory.HEADER_BYTES,
        "slots": memory.SLOTS,
        "mostEvents": memory.EVENTS,
        "mostParameters": memory.PARAMETERS,
        "flagOffline": memory.OFFLINE,
        "flagReset": memory.RESET,
        "stateStarting": memory.STARTING,
        "stateReady": memory.READY,
        "stateFailed": memory.FAILED,
    }
    slot_type = memory.slot_dtype(1, 512)
    header: Any = memory.HEADER.fields
    slot: Any = slot_type.fields
    lines = ["// Written by `pisada plugin build` from plugin_backend/daw_plugin: do not change.", "#pragma once"]
    lines += ["#include <cstddef>", "#include <cstdint>", "namespace pisada::tables {"]
    lines += [f"constexpr std::uint32_t {name} = {value}u;" for name, value in constants.items()]
    lines += [f"constexpr std::size_t header_{name} = {header[name][1]};" for name in memory.HEADER.names or ()]
    fixed = [name for name in slot_type.names or () if name not in ("output", "curves")]
    lines += [f"constexpr std::size_t slot_{name} = {slot[name][1]};" for name in fixed]
    lines += ["enum class Sort { continuous, whole, switched, reading };"]
    lines += ["struct Parameter {", "    const char *id, *name, *unit, *doc;", "    float low, high, initial;"]
    lines += ["    Sort sort;", *(f"    bool {kind};" for kind in KINDS), "};"]
    lines += ["constexpr Parameter parameters[] = {"]
    sorts = {"switch": "switched"}
    for parameter in PLUGIN_PARAMETERS:
        row = parameter.row
        texts = ", ".join(_quoted(text) for text in (parameter.id, parameter.name, row.unit, row.doc))
        numbers = ", ".join(_float(value) for value in (row.low, row.high, row.default))
        kinds = ", ".join("true" if kind in parameter.kinds else "false" for kind in KINDS)
        lines.append(f"    {{{texts}, {numbers}, Sort::{sorts.get(parameter.sort, parameter.sort)}, {kinds}}},")
    lines += ["};", f"constexpr std::size_t parameterCount = {len(PLUGIN_PARAMETERS)};"]
    lines += [f"constexpr std::size_t index_{name} = {index};" for name, index in INDEX.items()]
    lines += [f"constexpr std::size_t exact[] = {{{', '.join(str(INDEX[name]) for name in EXACT)}}};"]
    lines += [f"constexpr std::size_t exactCount = {len(EXACT)};"]
    lines += ["}  // namespace pisada::tables", ""]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _float(value: float) -> str:
    return f"{float(value)!r}f"
