"""Combine a rig file with the options of the command line, which override it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from plugin_backend.errors import ProjectError
from plugin_backend.transfer.settings import parse_latents
from presets.lookup import find_preset
from render.apply.preset_layers import parse_added, parse_sum
from render.live.rig import Rig, read_rig


def rig_from(
    file: Path | None,
    controls: dict[str, float],
    latents: tuple[str, ...],
    flags: Mapping,
    sums: tuple[str, ...] = (),
    additions: tuple[str, ...] = (),
) -> Rig:
    """Return the rig that a command plays.

    Args:
        file: a rig file, or ``None``.
        controls: the transfer parameters that were given.
        latents: as :func:`~plugin_backend.transfer.settings.parse_latents` reads them.
        flags: other fields of :class:`~render.live.rig.Rig`; ``None`` is not given. Without a model and a file, the
            model is the preset's.
        sums, additions: as :mod:`render.apply.preset_layers` reads them. Additions replace those of the rig file.

    Raises:
        ProjectError: a value is out of range, or no preset is given.
    """
    rig = read_rig(file) if file is not None else Rig()
    given = {
        name: str(value) if isinstance(value, Path) else value for name, value in flags.items() if value is not None
    }
    given["axes"] = rig.axes | (flags.get("axes") or {})
    by_latent = {str(latent): values for latent, values in parse_latents(latents).items()}
    given |= {"controls": rig.controls | controls, "latents": _joined(rig.latents, by_latent)}
    given["sum"] = rig.sum | dict(map(parse_sum, sums))
    added = [(model or "", name, gain_db) for model, name, gain_db in map(parse_added, additions)]
    if added:
        given["add"] = [dict(zip(("model", "preset", "gain_db"), fields, strict=True)) for fields in added]
    fields = msgspec.to_builtins(rig) | given
    if not fields["preset"]:
        raise ProjectError("give --preset NAME, or a --rig FILE that names one")
    if "model" not in given and file is None:
        fields["model"] = find_preset(fields["preset"], fields["bank"]).header.codec
    try:
        return msgspec.convert(fields, Rig)
    except msgspec.ValidationError as problem:
        raise ProjectError(str(problem)) from problem


def _joined(first: dict[str, dict], second: dict[str, dict]) -> dict[str, dict]:
    return {latent: first.get(latent, {}) | second.get(latent, {}) for latent in {**first, **second}}
