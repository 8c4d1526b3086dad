"""What a backend says of itself before anything slow is done: its model's numbers, and the bank's presets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.daw_plugin.config import read_config
from plugin_backend.daw_plugin.ipc_messages import packed
from plugin_backend.daw_plugin.parameters import KINDS, MOST_PRESETS
from plugin_backend.daw_plugin.shared_memory import VERSION
from plugin_backend.errors import PisadaError, PresetError
from plugin_backend.models.registry import describe_codec
from presets.bank import Bank, BankNames, folders_of
from presets.preset import sound_digest
from render.plugin_server.engine_factory import RATES_HZ, engine_latency


class NoBank(Bank):
    """In place of a bank that cannot be read: it holds no preset."""

    def __init__(self, named: BankNames = None):
        self.folders, self.names, self._files, self._read = folders_of(named), [], {}, {}


@dataclass
class Capabilities:
    """A model and a bank, as far as they can be used; ``problems`` are lines that say what cannot, and what to do.

    Attributes:
        model: the codec's name or file, as configured.
        spec: its numbers; ``None``: it cannot be used.
        bank: every preset that can be read is in its memory, for the processes forked from this.
        readable: the numbers of those.
        latencies: kind, host's rate in Hz → samples.
    """

    model: str = ""
    spec: CodecSpec | None = None
    bank: Bank = field(default_factory=NoBank)
    readable: list[int] = field(default_factory=list)
    latencies: dict[tuple[str, int], int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def inspect_installation(config: Path) -> Capabilities:
    """Look at what a config file names; no model is loaded."""
    offer = Capabilities()
    try:
        wanted = read_config(config)
    except PisadaError as problem:
        offer.problems.append(str(problem))
        return offer
    offer.model = wanted.model
    try:
        spec = describe_codec(wanted.model)
        offer.latencies = {(kind, rate): engine_latency(kind, spec, rate) for kind in KINDS for rate in RATES_HZ}
        offer.spec = spec
    except PisadaError as problem:
        offer.problems.append(f"{problem}; name another 'model' in {config}")
    try:
        offer.bank = Bank(wanted.banks)
    except PisadaError as problem:
        offer.bank = NoBank(wanted.banks)
        offer.problems.append(f"{problem}; name another 'bank' in {config}")
    if (many := len(offer.bank.names)) > MOST_PRESETS:
        most = f"a plug-in offers the first {MOST_PRESETS} of the names"
        offer.problems.append(f"{offer.bank.told}: {many} presets; {most}")
    for number, name in enumerate(offer.bank.names[:MOST_PRESETS], 1):
        try:
            offer.bank[name]
        except PresetError as problem:
            offer.problems.append(f"{problem}; number {number} of the bank is none until it is mended or taken out")
        else:
            offer.readable.append(number)
    return offer


def capabilities_message(offer: Capabilities) -> Iterator[bytes]:
    """The messages that tell it: ``hello``, every ``latency``, every ``preset``, then the problems."""
    spec = offer.spec
    yield packed(
        "hello",
        version=VERSION,
        edition=_edition(),
        model=offer.model,
        fingerprint=spec.fingerprint if spec else "",
        latents=spec.latent_dim if spec else 0,
        presets=len(offer.readable),
    )
    for (kind, rate_hz), samples in offer.latencies.items():
        yield packed("latency", kind=kind, rate_hz=rate_hz, samples=samples)
    for number in offer.readable:
        preset = offer.bank[offer.bank.names[number - 1]]
        yield packed(
            "preset",
            number=number,
            name=preset.name,
            sort=preset.header.kind,
            digest=sound_digest(preset),
            path=offer.bank.file_of(preset.name).absolute(),
            description=preset.header.description,
        )
    for problem in offer.problems:
        yield packed("problem", id=0, text=problem)


def _edition() -> str:
    try:
        return version("pisada")
    except PackageNotFoundError:  # a copy that was not installed
        return ""
