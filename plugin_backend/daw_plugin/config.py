"""What the installed plug-in is told: which Python runs its backend, which banks and which model. ``key value`` lines.

A DAW does not have the virtual environment, so ``pisada plugin install`` writes the interpreter's path here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from plugin_backend.errors import PluginError
from plugin_backend.output_files import write_atomically

VARIABLE = "PISADA_PLUGIN_CONFIG"
"""Names another file in place of the user's."""

KEYS = ("interpreter", "model", "bank")


@dataclass(frozen=True)
class PluginConfig:
    """``model`` is a codec's name or file; ``banks`` are folders or the factory's name, none is the factory's.

    Raises:
        PluginError: a value would not be read as it was written: it has more than one line, or is no text.
    """

    interpreter: str
    model: str = "foley"
    banks: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """Keys and values, as they are written; a bank a line."""
        return ("interpreter", self.interpreter), ("model", self.model), *(("bank", each) for each in self.banks)

    def __post_init__(self):
        for key, value in self.lines:
            if value.splitlines() not in ([value], []) or _undecodable(value):
                raise PluginError(f"{key} {value!r}: the plug-in's config cannot hold such a name")


def _undecodable(text: str) -> bool:
    """Whether it is a name in bytes that are no UTF-8."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def config_path() -> Path:
    """Where it is: ``$PISADA_PLUGIN_CONFIG``, else ``pisada/plugin.conf`` under ``$XDG_CONFIG_HOME`` or ``~/.config``.

    The plug-in, in C++, looks in the same places.
    """
    if given := os.environ.get(VARIABLE):
        return Path(given)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "pisada" / "plugin.conf"


def read_config(path: Path) -> PluginConfig:
    """Read it.

    Raises:
        PluginError: it is missing, or a line is not one of ours.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as problem:
        told = f"the plug-in is not installed, there is no {path}; run `pisada plugin install`"
        raise PluginError(told) from problem
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "not UTF-8"
        raise PluginError(f"{path}: cannot be read ({why}); run `pisada plugin install`") from problem
    told = [line.partition(" ")[::2] for line in lines if line.strip() and not line.startswith("#")]
    values = dict(told)
    wrong = next((key for key in values if key not in KEYS), None)
    if wrong is not None or not values.get("interpreter"):
        told = f"no key '{wrong}'" if wrong is not None else "it names no interpreter"
        raise PluginError(f"{path}: {told}; {', '.join(KEYS)} are known")
    values.pop("bank", None)
    return PluginConfig(**values, banks=tuple(value for key, value in told if key == "bank" and value))


def write_config(config: PluginConfig, path: Path) -> None:
    """Write it, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} {value}" for key, value in config.lines if value]
    with write_atomically(path) as whole:
        whole.write_text("\n".join(lines) + "\n", encoding="utf-8")
