"""What may keep the plug-in from sounding, looked at one by one; each finding says what to do."""

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
    """``state`` is ``ok``, ``weak`` (it works, and could be better) or ``failed``; then there is a ``remedy``."""

    name: str
    state: str
    found: str
    remedy: str = ""


def check_config(path: Path | None = None) -> tuple[Check, PluginConfig | None]:
    """Is it there, and of ours?"""
    path = path or config_path()
    try:
        config = read_config(path)
    except PluginError as problem:
        return Check("config", FAILED, str(problem), AGAIN), None
    banks = ", ".join(config.banks) or "of the factory"
    return Check("config", OK, f"{path}: model {config.model}, bank {banks}"), config


def check_interpreter(interpreter: str) -> Check:
    """Does it run as the plug-in runs it, and is its Pisada this one?"""
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
    said = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode:
        return Check("interpreter", FAILED, f"{interpreter}: no Pisada in it ({said})", f"{AGAIN} with its own pisada")
    edition, _, whole = (done.stdout.strip().splitlines() or [""])[-1].partition(" ")
    if whole not in ("True", "False"):
        return Check("interpreter", FAILED, f"{interpreter}: answers as no Python does ({edition[:40]!r})", AGAIN)
    if edition != version("pisada") or whole != "True":
        found = f"{interpreter}: Pisada {edition}, and this is {version('pisada')}"
        return Check("interpreter", FAILED, found, AGAIN)
    return Check("interpreter", OK, f"{interpreter}: Pisada {edition}")


def check_bundles(path: Path | None = None) -> Iterator[Check]:
    """For each format: which bundles hosts find, and whether they are what this edition installed."""
    try:
        record = read_record(record_path(path))
    except PluginError as problem:
        yield Check("installed", FAILED, str(problem), "delete that file, and " + AGAIN)
        return
    known = {put.path: put.files for put in record.bundles}
    for format_ in FORMATS:
        name = format_.lower()
        found = [one for folder in host_folders(format_) for one in bundles_in(folder, PRODUCTS, (format_,))]
        others = [str(one) for one in found if str(one) not in known]
        changed = [str(one) for one in found if str(one) in known and digests(one) != known[str(one)]]
        told = ", ".join(map(str, found))
        if len({one.name for one in found}) < len(PRODUCTS):
            missing = [product for product in PRODUCTS if not any(one.stem == product for one in found)]
            state = FAILED if not found and not record.bundles else WEAK
            where = ", ".join(map(str, host_folders(format_)))
            yield Check(name, state, f"no {' and no '.join(missing)} in {where}", AGAIN)
        elif changed:
            yield Check(name, FAILED, f"{', '.join(changed)}: not as it was installed", f"move it away, and {AGAIN}")
        elif others:
            advice = "hosts may load either: remove what `pisada plugin install` did not put there"
            yield Check(name, WEAK, f"{', '.join(others)}: of unknown edition", advice)
        elif record.edition != version("pisada"):
            yield Check(name, FAILED, f"{told}: of {record.edition}; this is {version('pisada')}", AGAIN)
        else:
            yield Check(name, OK, told)


def log_tail() -> list[str]:
    """The last lines of what backends said; none where there is no log."""
    path = log_path()
    if not path.is_file():
        return []
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - LOG_BYTES))
        text = log.read().decode(errors="replace")
    return ["".join(c if c.isprintable() else " " for c in line) for line in text.splitlines()[-LOG_LINES:]]
