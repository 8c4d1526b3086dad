"""The installed plug-in's configuration: which Python runs its backend, which banks and which model.

The file has ``key value`` lines. A DAW does not have the virtual environment, so ``pisada plugin install`` writes the
interpreter's path here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from plugin_backend.errors import PluginError
from plugin_backend.output_files import write_atomically

VARIABLE = "PISADA_PLUGIN_CONFIG"
"""An environment variable that names another file instead of the user's."""

KEYS = ("interpreter", "model", "bank")


@dataclass(frozen=True)
class PluginConfig:
    """The configuration of the plug-in.

    Attributes:
        interpreter: the Python that runs the backend.
        model: a codec's name or file.
        banks: folders, or the factory's name; none: the factory's.

    Raises:
        PluginError: a value cannot be stored: it has more than one line, or is not UTF-8.
    """

    interpreter: str
    model: str = "foley"
    banks: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """Keys and values as they are written; one line per bank."""
        return ("interpreter", self.interpreter), ("model", self.model), *(("bank", each) for each in self.banks)

    def __post_init__(self) -> None:
        for key, value in self.lines:
            if value.splitlines() not in ([value], []) or _undecodable(value):
                raise PluginError(f"{key} {value!r}: the plug-in's config cannot store this name")


def _undecodable(text: str) -> bool:
    """Return whether the text contains bytes that are not UTF-8."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def config_path() -> Path:
    """Return the path of the configuration.

    It is ``$PISADA_PLUGIN_CONFIG``, else ``pisada/plugin.conf`` under ``$XDG_CONFIG_HOME`` or ``~/.config``. The
    plug-in, in C++, uses the same paths.
    """
    if given := os.environ.get(VARIABLE):
        return Path(given)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "pisada" / "plugin.conf"


def read_config(path: Path) -> PluginConfig:
    """Read the configuration.

    Raises:
        PluginError: the file is missing, or has an unknown line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as problem:
        message = f"the plug-in is not installed, there is no {path}; run `pisada plugin install`"
        raise PluginError(message) from problem
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not UTF-8"
        raise PluginError(f"{path}: cannot be read ({reason}); run `pisada plugin install`") from problem
    pairs: list[tuple[str, str]] = []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            key, _, value = line.partition(" ")
            pairs.append((key, value))
    values = dict(pairs)
    unknown = next((key for key in values if key not in KEYS), None)
    if unknown is not None or not values.get("interpreter"):
        reason = f"no key '{unknown}'" if unknown is not None else "it names no interpreter"
        raise PluginError(f"{path}: {reason}; {', '.join(KEYS)} are allowed")
    values.pop("bank", None)
    return PluginConfig(**values, banks=tuple(value for key, value in pairs if key == "bank" and value))


def write_config(config: PluginConfig, path: Path) -> None:
    """Write the configuration, completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} {value}" for key, value in config.lines if value]
    with write_atomically(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
