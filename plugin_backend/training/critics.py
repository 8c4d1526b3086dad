"""The critics of a finished run, kept beside its model so that a later run goes on with them."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialised

from plugin_backend.errors import CheckpointError
from plugin_backend.files import replaced_when_whole
from plugin_backend.training.discriminators import Judges


def critics_path(model: Path) -> Path:
    """Where the critics of ``model`` (``NAME.safetensors``) are kept: ``NAME.critics`` beside it."""
    return model.with_suffix(".critics")


def save_critics(judges: Judges, path: Path) -> None:
    """Write them as safetensors."""
    with replaced_when_whole(path) as whole:
        tensors = {name: value.detach().cpu().contiguous() for name, value in judges.state_dict().items()}
        whole.write_bytes(serialised(tensors))


def load_critics(judges: Judges, path: Path) -> bool:
    """Fill ``judges`` from ``path``; False, and nothing done, where there are none.

    Raises:
        CheckpointError: the file is damaged, or holds other critics than this edition's.
    """
    if not path.exists():
        return False
    try:
        judges.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as problem:
        told = str(problem).splitlines()[0]
        raise CheckpointError(
            f"{path}: not critics this edition knows ({told}); remove it to begin with new ones"
        ) from problem
    return True
