"""``NAME.rave.json``: the card of a RAVE export beside it, and whether the user trusts that export.

A TorchScript file runs code when it is loaded. So the card states the SHA-256 of the file it was made for. A file is
loaded only if its hash equals the card's and is in the list of files that this user trusts (``trusted.txt`` in the
user's configuration folder, or in ``$PISADA_CONFIG``). A card that came with a download is therefore not enough.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.errors import CheckpointError, OutputError
from plugin_backend.output_files import write_atomically

SUFFIX, FAMILY, VERSION = ".rave.json", "rave", 1
MOST_BYTES, MOST_CARD_BYTES = 4 * 2**30, 2**20
HOME_VARIABLE, TRUSTED = "PISADA_CONFIG", "trusted.txt"

LIMITS = {
    "sample_rate": (8_000, 192_000),
    "hop_samples": (1, 2**16),
    "latent_dim": (1, 1024),
    "latency_samples": (0, 2**20),
    "latency_spread_samples": (0, 2**20),
}


@dataclass(frozen=True)
class RaveCard:
    """The contents of a card.

    Attributes:
        name: the model's name in presets.
        file: the TorchScript file's name; it lies beside the card.
        sha256: of that file, 64 hex digits.
        sample_rate: in Hz.
        hop_samples: see :class:`~plugin_backend.codecs.base.CodecSpec`.
        latent_dim: see there.
        latency_samples: see there.
        latency_spread_samples: difference between the largest and smallest measured latency.
        random_encoder: whether the encoder draws random numbers.
        random_decoder: whether the decoder draws random numbers.
        silence: the latents of silence, ``latent_dim`` numbers.
    """

    name: str
    file: str
    sha256: str
    sample_rate: int
    hop_samples: int
    latent_dim: int
    latency_samples: int
    latency_spread_samples: int
    random_encoder: bool
    random_decoder: bool
    silence: list[float]

    @property
    def spec(self) -> CodecSpec:
        """The codec's numbers. The fingerprint is the first 16 hex digits of the file's SHA-256."""
        return CodecSpec(
            self.name, self.sha256[:16], self.sample_rate, self.hop_samples, self.latent_dim, self.latency_samples
        )


def save_card(card: RaveCard, path: Path) -> None:
    """Write a card.

    Raises:
        OutputError: it cannot be written.
    """
    record = {"family": FAMILY, "version": VERSION, **asdict(card)}
    try:
        with write_atomically(path) as temporary:
            temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    except OSError as problem:
        raise OutputError(f"{path}: cannot be written ({problem.strerror})") from problem


def read_card(path: Path) -> RaveCard:
    """Read a card. The model's file is not read.

    Raises:
        CheckpointError: it is missing, damaged, of a newer version, or out of range.
    """
    try:
        with open(path, "rb") as file:
            record = json.loads(file.read(MOST_CARD_BYTES + 1)[:MOST_CARD_BYTES])
    except (OSError, ValueError, RecursionError) as problem:
        raise CheckpointError(f"{path}: not a readable card of a RAVE model ({type(problem).__name__})") from problem
    if not isinstance(record, dict) or (record.pop("family", None), record.pop("version", None)) != (FAMILY, VERSION):
        raise CheckpointError(f"{path}: not a '{FAMILY}' card of version {VERSION}, the only one that is read")
    try:
        card = RaveCard(**record)
    except TypeError as problem:
        raise CheckpointError(f"{path}: has missing or unknown entries") from problem
    if (wrong := _first_wrong(card)) is not None:
        raise CheckpointError(f"{path}: '{wrong}' has a value that is not allowed")
    return card


def _first_wrong(card: RaveCard) -> str | None:
    texts = {"name": card.name, "file": card.file, "sha256": card.sha256}
    for field, value in texts.items():
        if not isinstance(value, str) or not value or not value.isprintable() or Path(value).name != value:
            return field
    if len(card.sha256) != 64 or set(card.sha256) - set("0123456789abcdef"):
        return "sha256"
    for field, (least, most) in LIMITS.items():
        value = getattr(card, field)
        if type(value) is not int or not least <= value <= most:
            return field
    for field in ("random_encoder", "random_decoder"):
        if type(getattr(card, field)) is not bool:
            return field
    numbers = card.silence if isinstance(card.silence, list) else []
    valid = len(numbers) == card.latent_dim and all(type(x) in (int, float) and abs(x) < 1e6 for x in numbers)
    return None if valid else "silence"


def read_model(path: Path) -> tuple[bytes, str]:
    """Return a TorchScript file's bytes and their SHA-256.

    Raises:
        CheckpointError: it is missing, unreadable or larger than 4 GiB.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CheckpointError(f"{path}: is larger than 4 GiB; larger files are not read")
        data = path.read_bytes()
    except OSError as problem:
        raise CheckpointError(f"{path}: cannot be read ({problem.strerror})") from problem
    return data, hashlib.sha256(data).hexdigest()


def trusted_model(path: Path) -> tuple[RaveCard, bytes]:
    """Return the card at ``path`` and the bytes of its model, if this user trusts the model.

    Raises:
        CheckpointError: a file is missing or damaged, the model has changed, or is not trusted by this user.
    """
    card = read_card(path)
    model = path.with_name(card.file)
    data, sha256 = read_model(model)
    if sha256 != card.sha256:
        raise CheckpointError(f"{model}: has changed since it was imported; import it again if you trust it")
    if sha256 not in _trusted():
        raise CheckpointError(
            f"{model}: runs code when it is loaded, and is not trusted yet: pisada import-rave {model} --trust"
        )
    return card, data


def trust_model(sha256: str) -> None:
    """Add a file's hash to those that this user trusts.

    Raises:
        OutputError: the list cannot be written.
    """
    path = _trust_list()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as temporary:
            temporary.write_text("".join(f"{each}\n" for each in sorted(_trusted() | {sha256})), encoding="ascii")
    except OSError as problem:
        raise OutputError(f"{path}: cannot be written ({problem.strerror})") from problem


def _trust_list() -> Path:
    from platformdirs import user_config_path

    named = os.environ.get(HOME_VARIABLE)
    return (Path(named) if named else user_config_path("pisada")) / TRUSTED


def _trusted() -> set[str]:
    path = _trust_list()
    try:
        return set(path.read_text(encoding="ascii", errors="replace").split()) if path.exists() else set()
    except OSError as problem:
        raise CheckpointError(f"{path}: cannot be read ({problem.strerror}), so no model is trusted") from problem
