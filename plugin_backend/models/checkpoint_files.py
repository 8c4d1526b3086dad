"""Files of a checkpoint, the same in every family: ``NAME.safetensors`` (weights) beside ``NAME.json``.

The JSON names the family and the version of its format, the sizes (``config``), and the record of the training.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from plugin_backend.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

MOST_CARD_BYTES = 2**26


def read_record(path: Path, family: str, version: int) -> dict[str, Any]:
    """Return the JSON beside the checkpoint ``path`` (``….safetensors``).

    Raises:
        CheckpointError: it is missing, damaged, of another family or of another version.
    """
    card = path.with_suffix(".json")
    try:
        with open(card, "rb") as file:
            text = file.read(MOST_CARD_BYTES + 1)
        if len(text) > MOST_CARD_BYTES:
            raise ValueError(f"over {MOST_CARD_BYTES // 2**20} MiB")
        record = json.loads(text.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise CheckpointError(f"{card}: not a readable checkpoint ({problem})") from problem
    if not isinstance(record, dict) or (record.get("family"), record.get("version")) != (family, version):
        raise CheckpointError(f"{card}: not a '{family}' checkpoint of version {version}, the only one that is read")
    return record


def training_in(record: dict[str, Any]) -> dict[str, Any]:
    """Return how a checkpoint was trained, from its JSON; empty if that is not there."""
    training = record.get("training", {})
    return training if isinstance(training, dict) else {}


Config = TypeVar("Config")


def config_in(record: dict[str, Any], path: Path, kind: type[Config]) -> Config:
    """Return a checkpoint's sizes, from its JSON; they are not checked.

    Args:
        record: the JSON.
        path: the checkpoint.
        kind: the dataclass of the sizes.

    Raises:
        CheckpointError: the sizes are missing, or have unknown entries.
    """
    try:
        return kind(**record["config"])
    except (KeyError, TypeError) as problem:
        card = path.with_suffix(".json")
        raise CheckpointError(f"{card}: 'config' is missing or has unknown entries ({problem})") from problem


def fingerprint_of(path: Path) -> str:
    """Return the first 16 hexadecimal digits of the weights' SHA-256.

    Raises:
        CheckpointError: the file is not readable.
    """
    try:
        with open(path, "rb") as weights:
            return hashlib.file_digest(weights, "sha256").hexdigest()[:16]
    except OSError as problem:
        raise CheckpointError(f"{path}: not a readable checkpoint ({problem.strerror})") from problem


def misfit(path: Path) -> CheckpointError:
    """Return the error of weights that do not fit the sizes."""
    return CheckpointError(f"{path}: the weights do not fit {path.with_suffix('.json').name}")


@contextmanager
def reading_weights(path: Path, least: int = 0) -> Iterator[None]:
    """Turn what reading the weights and building the model in this block raises into errors that name the file.

    Args:
        path: the checkpoint.
        least: the fewest numbers that the weights must be. This is checked first, before anything is built.

    Raises:
        CheckpointError: the weights are not readable, or do not fit the sizes.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            count = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
        if least > count:
            raise misfit(path)
        yield
    except (OSError, SafetensorError) as problem:
        raise CheckpointError(f"{path}: not a readable checkpoint ({problem})") from problem
    except (RuntimeError, TypeError, ValueError, ZeroDivisionError, IndexError, AttributeError) as problem:
        raise misfit(path) from problem


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], record: dict[str, Any]) -> None:
    """Write weights and JSON, both or neither.

    Args:
        path: the file, ``….safetensors``.
        tensors: the weights by name.
        record: the JSON.

    Raises:
        OutputError, DiskFullError: the files cannot be written.
    """
    from safetensors.torch import save

    from plugin_backend.staged_files import stage_files

    with stage_files(path.parent, path.name) as stage:
        stage.replacing(path.name).write_bytes(save({name: tensor.contiguous() for name, tensor in tensors.items()}))
        header = stage.replacing(path.with_suffix(".json").name)
        header.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
