"""Check one by one what may keep the plug-in from working. Each failed check says what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from plugin_backend.daw_plugin.build import FORMATS, PRODUCTS
from plugin_backend.daw_plugin.config import PluginConfig, config_path, read_config
from plugin_backend.daw_plugin.install import digests, read_record, record_path
from plugin_backend.daw_plugin.install_paths import bundles_in, host_folders, log_path
from plugin_backend.errors import PluginError

OK, WEAK, FAILED = "ok", "weak", "failed"
AGAIN = "run `pisada plugin install`"
PROBE_CODE = (
    "import importlib.metadata as m, importlib.util as u; "
    "print(m.version('pisada'), u.find_spec('render.plugin_server') is not None)"
)
INTERPRETER_S, LOG_LINES, LOG_BYTES = 30, 12, 16_384


@dataclass(frozen=True)
class Check:
    """The result of a check.

    Attributes:
        name: of what was checked.
        state: ``ok``, ``weak`` (it works, but could be better) or ``failed``.
        found: what was found.
        remedy: what to do about it, unless the state is ``ok``.
    """

    name: str
    state: str
    found: str
    remedy: str = ""


def check_config(path: Path | None = None) -> tuple[Check, PluginConfig | None]:
    """Check that the configuration exists and can be read; return it too."""
    path = path or config_path()
    try:
        config = read_config(path)
    except PluginError as problem:
        return Check("config", FAILED, str(problem), AGAIN), None
    banks = ", ".join(config.banks) or "of the factory"
    return Check("config", OK, f"{path}: model {config.model}, bank {banks}"), config


def check_interpreter(interpreter: str) -> Check:
    """Check that the interpreter runs as the plug-in runs it, and that it has this version of Pisada."""
    try:
        done = subprocess.run(
            [interpreter, "-E", "-P", "-c", PROBE_CODE],
            capture_output=True,
            text=True,
            timeout=INTERPRETER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return Check("interpreter", FAILED, f"{interpreter}: does not run ({problem})", AGAIN)
    last_line = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode:
        found = f"{interpreter}: has no Pisada ({last_line})"
        return Check("interpreter", FAILED, found, f"{AGAIN} with its own pisada")
    installed, _, has_server = (done.stdout.strip().splitlines() or [""])[-1].partition(" ")
    if has_server not in ("True", "False"):
        return Check("interpreter", FAILED, f"{interpreter}: is not a Python ({installed[:40]!r})", AGAIN)
    if installed != version("pisada") or has_server != "True":
        found = f"{interpreter}: has Pisada {installed}, but this is {version('pisada')}"
        return Check("interpreter", FAILED, found, AGAIN)
    return Check("interpreter", OK, f"{interpreter}: Pisada {installed}")


def check_bundles(path: Path | None = None) -> Iterator[Check]:
    """Check for each format which bundles hosts find, and whether this version of Pisada installed them."""
    try:
        record = read_record(record_path(path))
    except PluginError as problem:
        yield Check("installed", FAILED, str(problem), "delete that file, and " + AGAIN)
        return
    known = {put.path: put.files for put in record.bundles}
    for format_ in FORMATS:
        name = format_.lower()
        bundles = [one for folder in host_folders(format_) for one in bundles_in(folder, PRODUCTS, (format_,))]
        others = [str(one) for one in bundles if str(one) not in known]
        changed = [str(one) for one in bundles if str(one) in known and digests(one) != known[str(one)]]
        paths = ", ".join(map(str, bundles))
        if len({one.name for one in bundles}) < len(PRODUCTS):
            missing = [product for product in PRODUCTS if not any(one.stem == product for one in bundles)]
            state = FAILED if not bundles and not record.bundles else WEAK
            folders = ", ".join(map(str, host_folders(format_)))
            yield Check(name, state, f"no {' and no '.join(missing)} in {folders}", AGAIN)
        elif changed:
            found = f"{', '.join(changed)}: changed since it was installed"
            yield Check(name, FAILED, found, f"move it away, and {AGAIN}")
        elif others:
            advice = "hosts may load either: remove what `pisada plugin install` did not put there"
            yield Check(name, WEAK, f"{', '.join(others)}: of an unknown version", advice)
        elif record.edition != version("pisada"):
            yield Check(name, FAILED, f"{paths}: of {record.edition}; this is {version('pisada')}", AGAIN)
        else:
            yield Check(name, OK, paths)


def log_tail() -> list[str]:
    """Return the last lines of the backends' log; none if there is no log."""
    path = log_path()
    if not path.is_file():
        return []
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - LOG_BYTES))
        text = log.read().decode(errors="replace")
    return ["".join(c if c.isprintable() else " " for c in line) for line in text.splitlines()[-LOG_LINES:]]
