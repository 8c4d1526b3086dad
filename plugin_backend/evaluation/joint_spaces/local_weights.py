"""Load models from a folder that the user names. Nothing is downloaded unless the user says so, and no code is run.

Only ``.safetensors`` weights are read. The folder is laid out as ``save_pretrained`` of transformers does it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from plugin_backend.errors import CheckpointError, MissingExtraError, ProjectError
from plugin_backend.evaluation.joint_spaces.image_classes import centre_square
from plugin_backend.hashing import digest
from plugin_backend.processes import environment
from plugin_backend.text import in_one_line

Loaded = TypeVar("Loaded")

FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "README.md", "LICENSE*")
"""The files of a repository that are downloaded: no pickles and no code."""
LICENCE = re.compile(r"^license(?:_name)?:\s*([\w .+-]{1,60})\s*$", re.MULTILINE)
LOOKED_AT_BYTES = 2**20
UNKNOWN_LICENCE = "unknown; read the terms where you got the weights"


def weights_folder(name: str, weights: Path | None, repository: str, download: bool, part: str = "") -> Path:
    """Return the folder of a model's weights.

    Args:
        name: of the space or model, for messages.
        weights: folder that the user named.
        repository: where the weights can be fetched, on the Hugging Face Hub.
        download: fetch them if the folder is not there.
        part: subfolder of ``weights`` for one of several models.

    Raises:
        ProjectError: no folder is named.
        CheckpointError: the folder is not there, or the download failed.
    """
    if weights is None:
        raise ProjectError(f"'{name}' needs weights: give their folder with --weights; nothing is downloaded by itself")
    folder = weights / part
    if (folder / "config.json").is_file() or (folder / "model_index.json").is_file():
        return folder
    if not download:
        raise CheckpointError(
            f"{folder}: no config.json here; put the files of {repository} there, or let --download fetch them"
        )
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError as problem:
        raise MissingExtraError(f"downloading '{name}'", "spaces") from problem
    try:
        snapshot_download(repository, local_dir=folder, allow_patterns=list(FILES))
    except (OSError, ValueError, HfHubHTTPError) as problem:
        raise CheckpointError(f"{repository}: cannot be downloaded ({in_one_line(problem)[:300]})") from problem
    return folder


def load(folder: Path, what: str, loader: Callable[..., Loaded], **options: Any) -> Loaded:
    """Return what a ``from_pretrained`` function loads from a folder, with the Hub switched off.

    Args:
        folder: of the weights.
        what: what is loaded, for messages.
        loader: for example ``CLIPModel.from_pretrained``.
        options: for the loader.

    Raises:
        CheckpointError: a file is missing or damaged, or does not fit.
        MissingExtraError: transformers is not installed.
    """
    with offline():
        try:
            return loader(str(folder), local_files_only=True, **options)
        except ImportError as problem:
            first = in_one_line(str(problem).strip().splitlines()[0])[:300] if str(problem).strip() else "import failed"
            raise CheckpointError(f"{folder}: {what} needs a package that is not installed ({first})") from problem
        except Exception as problem:  # noqa: BLE001 - safetensors and tokenizers raise plain exceptions
            raise CheckpointError(f"{folder}: not usable as {what} ({in_one_line(problem)[:300]})") from problem


def load_model(folder: Path, what: str, loader: Callable[..., Loaded]) -> Loaded:
    """Return a model ready to use, from ``.safetensors`` alone; see :func:`load`."""
    model: Any = load(folder, what, loader, use_safetensors=True)
    return model.eval()


def require_transformers(what: str) -> Any:
    """Return the package transformers.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import transformers
    except ImportError as problem:
        raise MissingExtraError(what, "spaces") from problem
    return transformers


OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


@contextmanager
def offline() -> Iterator[None]:
    """Switch the Hub off, and the remarks and progress bars of transformers, while the block runs."""
    from transformers.utils import logging as transformers_logging

    loggers = {name: logging.getLogger(name) for name in ("transformers", "diffusers")}
    levels = {name: logger.level for name, logger in loggers.items()}
    for logger in loggers.values():
        logger.setLevel(logging.ERROR)
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        with environment(OFFLINE):
            yield
    finally:
        if bars:
            transformers_logging.enable_progress_bar()
        for name, logger in loggers.items():
            logger.setLevel(levels[name])


def weights_digest(*folders: Path) -> str:
    """Return twelve hex digits that differ for other weights: settings, and size, beginning and end of each file."""
    parts: list[object] = []
    for folder in folders:
        parts.append((folder / "config.json").read_text(encoding="utf-8", errors="replace"))
        for path in sorted(folder.glob("*.safetensors")):
            size = path.stat().st_size
            with open(path, "rb") as file:
                begin = file.read(LOOKED_AT_BYTES)
                file.seek(max(0, size - LOOKED_AT_BYTES))
                ends = hashlib.blake2b(begin + file.read(LOOKED_AT_BYTES), digest_size=16).hexdigest()
            parts.append([path.name, size, ends])
    return digest(parts)[:12]


def licence_of(*folders: Path) -> str:
    """Return the licences that the model cards of folders name, in one line."""
    found = []
    for folder in folders:
        try:
            card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")[:20_000]
        except OSError:
            card = ""
        match = LICENCE.search(card)
        found.append(match[1] if match else UNKNOWN_LICENCE)
    return "; ".join(dict.fromkeys(found))


class Pixels:
    """Prepare pictures for a model: centre square, scaled, mean and deviation of each colour as the model was trained.

    Args:
        folder: with ``preprocessor_config.json``, if there is one.
        size_pixels: side of the model's pictures.
        mean, deviation: of red, green and blue, used if the folder names none.

    Raises:
        CheckpointError: the file is damaged.
    """

    def __init__(self, folder: Path, size_pixels: int, mean: Sequence[float], deviation: Sequence[float]):
        path = folder / "preprocessor_config.json"
        try:
            settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            self.mean = np.array(settings.get("image_mean", mean), np.float32).reshape(3)
            self.deviation = np.array(settings.get("image_std", deviation), np.float32).reshape(3)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as problem:
            raise CheckpointError(f"{path}: cannot be used ({in_one_line(problem)[:300]})") from problem
        if not (np.isfinite(self.mean).all() and (self.deviation > 0).all()):
            raise CheckpointError(f"{path}: 'image_mean' must be 3 numbers and 'image_std' 3 numbers above 0")
        self.size_pixels = size_pixels

    def of(self, images: Sequence[np.ndarray]) -> Any:
        """Return a tensor ``[n, 3, size, size]`` of RGB pictures ``[height, width, 3]`` uint8."""
        import torch

        squares = np.stack([centre_square(image, self.size_pixels) for image in images]).astype(np.float32) / 255
        return torch.from_numpy(((squares - self.mean) / self.deviation).transpose(0, 3, 1, 2).copy())
