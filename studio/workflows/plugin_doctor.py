"""The checks of ``pisada plugin doctor``, and their output."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from render.plugin_server.client import PluginClient

RATE_HZ, HOPS, IMPULSE_HOP = 48_000, 64, 16
LIMITS = "@audio - rtprio 95", "@audio - memlock unlimited"
"""Lines for ``/etc/security/limits.d``."""


def run_checks() -> Iterator[Check]:
    """Run every check, each after those that it needs. A check whose needs are not met is left out."""
    first, config = check_config()
    yield first
    if config is not None:
        yield (interpreter := check_interpreter(config.interpreter))
        yield (sounds := check_model_and_bank(config))
        if interpreter.state == sounds.state == OK:
            yield from check_backend(config)
    yield check_priority()
    yield from check_bundles()


def check_model_and_bank(config: PluginConfig) -> Check:
    """Check that model and banks can be read, and how many presets fit the model."""
    from plugin_backend.models.registry import describe_codec
    from presets.bank import Bank

    try:
        spec = describe_codec(config.model)
        presets = list(Bank(config.banks))
    except InputError as problem:
        return Check("sounds", FAILED, str(problem), "run `pisada plugin install` with an existing --model and --bank")
    fitting = sum(preset.header.fingerprint == spec.fingerprint for preset in presets)
    found = f"model {config.model} ({spec.fingerprint}), {fitting} of {len(presets)} presets are of this model"
    if not fitting:
        return Check("sounds", FAILED, found, "run `pisada plugin install --bank DIR` with a bank of that model")
    if fitting < len(presets):
        remedy = "the plug-in does not show the others; migrate them with `pisada preset migrate`"
        return Check("sounds", WEAK, found, remedy)
    return Check("sounds", OK, found, "")


def check_backend(config: PluginConfig) -> Iterator[Check]:
    """Start the backend as the plug-in does, and send one sample of full scale through it."""
    if not sys.platform.startswith("linux"):
        yield Check("backend", WEAK, "not started: this check works on Linux only", "test it in the host")
        return
    from render.plugin_server.client import READY_S, PluginClient

    name = "backend"
    with tempfile.TemporaryFile() as log:
        try:
            with PluginClient(config.interpreter, log.fileno()) as client:
                client.wait_for_hello()
                client.until("ready", READY_S)
                hello, late = client.hello, client.latencies.get(("effect", RATE_HZ))
                found = f"Pisada {hello.get('edition')}, model {hello.get('model')}, {len(client.presets)} presets"
                yield Check(name, OK, found)
                name = "impulse"
                yield send_impulse(client, late)
                for problem in client.problems:
                    yield Check("backend", WEAK, problem, "see above; `pisada plugin install` sets model and bank")
        except PluginError as problem:
            log.seek(0)
            last = log.read().decode(errors="replace").strip().splitlines()[-1:]
            yield Check(name, FAILED, "; ".join([str(problem), *last]), f"{AGAIN}; see also {log_path()}")


def send_impulse(client: PluginClient, latency: int | None) -> Check:
    """Check that at ``mix`` 0 one sample comes out unchanged, to the bit, after the announced latency in samples."""
    instance = client.open_instance("effect", 1, RATE_HZ)
    instance.set(mix=0.0, ceiling_on=0.0)
    hops = np.zeros((HOPS, 1, instance.hop), np.float32)
    hops[IMPULSE_HOP, 0, 0] = 1.0  # the controls have settled by then
    output = np.concatenate([instance.play(hop)[0] for hop in hops])
    late = [place - IMPULSE_HOP * instance.hop for place in np.flatnonzero(output).tolist()]
    if latency is not None and late == [latency] and output.max() == 1.0:
        milliseconds = 1000 * latency / RATE_HZ
        return Check("impulse", OK, f"through, {latency} samples ({milliseconds:.1f} ms) late, as announced")
    where = f"came {late[:4]} samples late" if late else "did not come"
    found = f"one sample of full scale {where}; the announced latency is {latency}"
    return Check(
        "impulse", FAILED, found, "run `pisada plugin install`: backend and plug-in may be of different versions"
    )


def check_priority() -> Check:
    """Check whether a thread gets real-time scheduling."""
    from plugin_backend.processes import WORKER_PRIORITY, request_priority

    refusals: list[str] = []
    thread = threading.Thread(target=lambda: refusals.append(request_priority(WORKER_PRIORITY)))
    thread.start()
    thread.join()
    if not refusals[0]:
        return Check("priority", OK, "real-time scheduling is granted")
    lines = "; ".join(f"'{line}'" for line in LIMITS)
    user = os.environ.get("USER") or "you"
    remedy = "close busy programs"
    if sys.platform.startswith("linux"):
        remedy = (
            f"put {lines} into /etc/security/limits.d/audio.conf, run `sudo usermod -aG audio {user}`, log in again"
        )
    return Check("priority", WEAK, refusals[0], remedy)


def print_checks(checks: list[Check], as_json: bool) -> None:
    """Print the checks as a table with remedies; after a failure also the end of the backend's log. Or all as JSON."""
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
        click.echo(f"the end of {log_path()}:")
        for line in log:
            click.echo(f"  {line}")
