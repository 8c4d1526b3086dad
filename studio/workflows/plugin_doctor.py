"""What ``pisada plugin doctor`` finds, and how it is printed."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator

import click
import numpy as np

from plugin_backend.daw_plugin.config import PluginConfig
from plugin_backend.daw_plugin.diagnostics import (
    AGAIN,
    FAILED,
    OK,
    WEAK,
    Check,
    check_bundles,
    check_config,
    check_interpreter,
    log_tail,
)
from plugin_backend.daw_plugin.install_paths import log_path
from plugin_backend.errors import InputError, PluginError

RATE_HZ, HOPS, IMPULSE_HOP = 48_000, 64, 16
LIMITS = "@audio - rtprio 95", "@audio - memlock unlimited"
"""Of ``/etc/security/limits.d``."""


def run_checks() -> Iterator[Check]:
    """Every check, in the order in which one needs the other; what cannot be looked at is left out."""
    found, config = check_config()
    yield found
    if config is not None:
        yield (runs := check_interpreter(config.interpreter))
        yield (fits := check_model_and_bank(config))
        if runs.state == fits.state == OK:
            yield from check_backend(config)
    yield check_priority()
    yield from check_bundles()


def check_model_and_bank(config: PluginConfig) -> Check:
    """Do they load, and which presets go with the model?"""
    from plugin_backend.models.registry import describe_codec
    from presets.bank import Bank

    try:
        spec = describe_codec(config.model)
        presets = list(Bank(config.banks))
    except InputError as problem:
        return Check(
            "sounds", FAILED, str(problem), "run `pisada plugin install` with --model and --bank that are there"
        )
    fitting = sum(preset.header.fingerprint == spec.fingerprint for preset in presets)
    told = f"model {config.model} ({spec.fingerprint}), {fitting} of {len(presets)} presets are its own"
    if not fitting:
        return Check("sounds", FAILED, told, "run `pisada plugin install --bank DIR` with a bank of that model")
    return Check("sounds", OK if fitting == len(presets) else WEAK, told, "" if fitting == len(presets) else
                 "the others are not offered; bring them over with `pisada preset migrate`")  # fmt: skip


def check_backend(config: PluginConfig) -> Iterator[Check]:
    """Start it as the plug-in does, and send one sample of full scale through it."""
    if not sys.platform.startswith("linux"):
        yield Check("backend", WEAK, "not started: this is done on Linux only", "try it in the host")
        return
    from render.plugin_server.client import READY_S, PluginClient

    name = "backend"
    with tempfile.TemporaryFile() as said:
        try:
            with PluginClient(config.interpreter, said.fileno()) as caller:
                caller.greeted()
                caller.until("ready", READY_S)
                hello, late = caller.hello, caller.latencies.get(("effect", RATE_HZ))
                told = f"Pisada {hello.get('edition')}, model {hello.get('model')}, {len(caller.presets)} presets"
                yield Check(name, OK, told)
                name = "impulse"
                yield send_impulse(caller, late)
                for problem in caller.problems:
                    yield Check("backend", WEAK, problem, "see above; `pisada plugin install` names model and bank")
        except PluginError as problem:
            said.seek(0)
            last = said.read().decode(errors="replace").strip().splitlines()[-1:]
            yield Check(name, FAILED, "; ".join([str(problem), *last]), f"{AGAIN}; {log_path()} may say more")


def send_impulse(caller, late_samples: int | None) -> Check:
    """At ``mix`` 0 what goes in comes out, as late as was told: one sample, to the bit."""
    instance = caller.opened("effect", 1, RATE_HZ)
    instance.set(mix=0.0)
    sound = np.zeros((HOPS, 1, instance.hop), np.float32)
    sound[IMPULSE_HOP, 0, 0] = 1.0  # controls have come to rest there
    heard = np.concatenate([instance.play(hop)[0] for hop in sound])
    late = [place - IMPULSE_HOP * instance.hop for place in np.flatnonzero(heard).tolist()]
    if late == [late_samples] and heard.max() == 1.0:
        milliseconds = 1000 * late_samples / RATE_HZ
        return Check("impulse", OK, f"through, {late_samples} samples ({milliseconds:.1f} ms) late, as told")
    where = f"came {late[:4]} samples late" if late else "did not come"
    found = f"one sample of full scale {where}; {late_samples} was told"
    return Check("impulse", FAILED, found, "run `pisada plugin install`: backend and plug-in may be of two editions")


def check_priority() -> Check:
    """Would a thread get real-time scheduling?"""
    from plugin_backend.processes import WORKER_PRIORITY, request_priority

    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(request_priority(WORKER_PRIORITY)))
    asking.start()
    asking.join()
    if not answers[0]:
        return Check("priority", OK, "real-time scheduling is granted")
    remedy = "; ".join(f"'{line}'" for line in LIMITS)
    who = os.environ.get("USER") or "you"
    told = f"put {remedy} into /etc/security/limits.d/audio.conf, run `sudo usermod -aG audio {who}`, log in anew"
    return Check("priority", WEAK, answers[0], told if sys.platform.startswith("linux") else "close busy programs")


def print_checks(checks: list[Check], as_json: bool) -> None:
    """A table, what to do, and, where something failed, the end of the backend's log; or all of it as JSON."""
    failed = any(check.state == FAILED for check in checks)
    log = log_tail() if failed else []
    if as_json:
        import json

        rows = [vars(check) for check in checks]
        click.echo(json.dumps({"well": not failed, "checks": rows, "log": log}, indent=1))
        return
    from studio.terminal.tables import print_table

    print_table(("check", "state", "found"), [(check.name, check.state, check.found) for check in checks])
    for check in checks:
        if check.remedy:
            click.echo(f"{check.name}: {check.remedy}")
    if log:
        click.echo(f"{log_path()}, its end:")
        for line in log:
            click.echo(f"  {line}")
