"""Messages between the plug-in and its backend: short texts on a socket that keeps message boundaries.

A message is a verb on the first line and ``key value`` on each further line. Values are UTF-8 without control
characters. File descriptors are sent along where the table says so. The socket is one end of a pair that the backend
inherits as descriptor 3: it has no name, no other process can use it, and it ends with either side.
"""

from __future__ import annotations

from plugin_backend.errors import PluginError

LONGEST_BYTES = 8192

TO_BACKEND = {
    "bell": "Once, first. Descriptor: memory of one page. The host increments its first word (u32) and wakes (futex) "
    "at every hop that any instance submits. With `kind socket`: a socket that gets a byte instead.",
    "open": "`id` (a number, never used twice), `kind` (effect, instrument), `seed`. Descriptors: the memory; with "
    "`kind socket` of the bell also a socket that gets a byte at every answered hop.",
    "close": "`id`: the instance no longer exists.",
    "session": "`id`, `slot` (a, b), `name`: preset number 0 is this preset. Descriptor: the preset file's bytes in a "
    "memory. Without a descriptor there is none.",
}

TO_HOST = {
    "hello": "First, before anything slow: `version` (of memory and messages), `edition`, `model`, `fingerprint`, "
    "`latents`, `presets` (how many follow).",
    "latency": "`kind`, `rate_hz`, `samples`: the engine's latency at that rate, added to the bridge's. For each rate.",
    "preset": "`number` (from 1), `name`, `sort` (hit, texture), `digest`, `path`, `description`.",
    "ready": "`pid`: a server runs; all open instances must be opened (again) with it.",
    "opened": "`id`: its engine runs.",
    "problem": "`id` (0: all), `text`: it cannot be used, or something was not done; one line.",
    "died": "`how`: the server crashed (a signal, an exit status, or a killed supervisor); another `ready` follows.",
}


def packed(verb: str, **values: object) -> bytes:
    """Return a message's bytes.

    Control characters in values become spaces. If the text is too long for one message, its end is dropped.
    """
    lines = [verb, *(f"{key} {_plain(str(value))}" for key, value in values.items())]
    return "\n".join(lines).encode()[:LONGEST_BYTES].decode(errors="ignore").encode()


def unpacked(data: bytes) -> tuple[str, dict[str, str]]:
    """Return the verb and the values of a message.

    Raises:
        PluginError: the bytes are not a message.
    """
    try:
        verb, *lines = data.decode().split("\n")
    except UnicodeDecodeError as problem:
        raise PluginError(f"a message that is not text ({problem.reason})") from problem
    return verb, dict(line.partition(" ")[::2] for line in lines)


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)[:2000]
