"""Messages between the plug-in and its backend: short texts on a socket that keeps their bounds.

A message is a verb on the first line and ``key value`` on each further one; values are UTF-8, no control characters.
File descriptors go along where the table says so. The socket is one end of a pair that the backend inherits as
descriptor 3: it has no name, nobody else can speak on it, and it ends with either side.
"""

from __future__ import annotations

from plugin_backend.errors import PluginError

LONGEST_BYTES = 8192

TO_BACKEND = {
    "bell": "Once, first. Descriptor: memory of one page, whose first word (u32) the host counts up and wakes (futex) "
    "at every hop submitted by any instance; or, with `kind socket`, a socket that gets a byte instead.",
    "open": "`id` (a number, never used twice), `kind` (effect, instrument), `seed`. Descriptors: the memory; with "
    "`kind socket` of the bell also a socket that gets a byte at every answer.",
    "close": "`id`: the instance is gone.",
    "session": "`id`, `slot` (a, b), `name`: the preset of number 0 there is this one. Descriptor: its file's bytes in "
    "a memory. Without a descriptor there is none.",
}

TO_HOST = {
    "hello": "First, before anything slow is done: `version` (of memory and messages), `edition`, `model`, "
    "`fingerprint`, `latents`, `presets` (how many follow).",
    "latency": "`kind`, `rate_hz`, `samples`: what the engine adds to the bridge's at that rate. For each rate.",
    "preset": "`number` (from 1), `name`, `sort` (hit, texture), `digest`, `path`, `description`.",
    "ready": "`pid`: a server is there; everything open is to be opened (again) with it.",
    "opened": "`id`: its engine answers.",
    "problem": "`id` (0: of all), `text`: it cannot be used, or something was not done; one line.",
    "died": "`how`: the server crashed (a signal, an exit status); another `ready` follows.",
}


def packed(verb: str, **values: object) -> bytes:
    """A message's bytes.

    Control characters in values become spaces, and of a text too long for one message the end is left out.
    """
    lines = [verb, *(f"{key} {_plain(str(value))}" for key, value in values.items())]
    return "\n".join(lines).encode()[:LONGEST_BYTES].decode(errors="ignore").encode()


def unpacked(data: bytes) -> tuple[str, dict[str, str]]:
    """The verb and the values.

    Raises:
        PluginError: no message.
    """
    try:
        verb, *lines = data.decode().split("\n")
    except UnicodeDecodeError as problem:
        raise PluginError(f"a message that is no text ({problem.reason})") from problem
    return verb, dict(line.partition(" ")[::2] for line in lines)


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)[:2000]
