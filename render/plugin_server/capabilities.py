"""What a backend announces before it does anything slow: the numbers of its model, and the presets of the bank."""

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
    """An empty bank, used when the bank cannot be read."""

    def __init__(self, named: BankNames = None):
        self.folders, self.names, self._files, self._read = folders_of(named), [], {}, {}


@dataclass
class Capabilities:
    """The model and the bank, as far as they can be used.

    Attributes:
        model: the codec's name or file, as configured.
        spec: the codec's numbers; ``None`` if it cannot be used.
        bank: its readable presets are in memory, for the processes that are forked from this one.
        readable: the numbers of the readable presets.
        latencies: kind and host rate in Hz → latency in samples.
        problems: lines that say what cannot be used, and what to do.
    """

    model: str = ""
    spec: CodecSpec | None = None
    bank: Bank = field(default_factory=NoBank)
    readable: list[int] = field(default_factory=list)
    latencies: dict[tuple[str, int], int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def inspect_installation(config: Path) -> Capabilities:
    """Check what a config file names, without loading a model."""
    capabilities = Capabilities()
    try:
        settings = read_config(config)
    except PisadaError as problem:
        capabilities.problems.append(str(problem))
        return capabilities
    capabilities.model = settings.model
    try:
        spec = describe_codec(settings.model)
        capabilities.latencies = {(kind, rate): engine_latency(kind, spec, rate) for kind in KINDS for rate in RATES_HZ}
        capabilities.spec = spec
    except PisadaError as problem:
        capabilities.problems.append(f"{problem}; name another 'model' in {config}")
    try:
        capabilities.bank = Bank(settings.banks)
    except PisadaError as problem:
        capabilities.bank = NoBank(settings.banks)
        capabilities.problems.append(f"{problem}; name another 'bank' in {config}")
    if (many := len(capabilities.bank.names)) > MOST_PRESETS:
        most = f"a plug-in shows the first {MOST_PRESETS} of them, by name"
        capabilities.problems.append(f"{capabilities.bank.folder_list}: {many} presets; {most}")
    for number, name in enumerate(capabilities.bank.names[:MOST_PRESETS], 1):
        try:
            capabilities.bank[name]
        except PresetError as problem:
            capabilities.problems.append(
                f"{problem}; preset number {number} cannot be used until the file is repaired or removed"
            )
        else:
            capabilities.readable.append(number)
    return capabilities


def capabilities_message(capabilities: Capabilities) -> Iterator[bytes]:
    """Yield the messages that announce it: ``hello``, every ``latency``, every ``preset``, then every ``problem``."""
    spec = capabilities.spec
    yield packed(
        "hello",
        version=VERSION,
        edition=_edition(),
        model=capabilities.model,
        fingerprint=spec.fingerprint if spec else "",
        latents=spec.latent_dim if spec else 0,
        presets=len(capabilities.readable),
    )
    for (kind, rate_hz), samples in capabilities.latencies.items():
        yield packed("latency", kind=kind, rate_hz=rate_hz, samples=samples)
    for number in capabilities.readable:
        preset = capabilities.bank[capabilities.bank.names[number - 1]]
        yield packed(
            "preset",
            number=number,
            name=preset.name,
            sort=preset.header.kind,
            digest=sound_digest(preset),
            path=capabilities.bank.file_of(preset.name).absolute(),
            description=preset.header.description,
        )
    for problem in capabilities.problems:
        yield packed("problem", id=0, text=problem)


def _edition() -> str:
    try:
        return version("pisada")
    except PackageNotFoundError:  # a copy that is not installed
        return ""
