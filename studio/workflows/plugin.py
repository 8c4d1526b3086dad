"""Build and install the DAW plug-ins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from plugin_backend.daw_plugin.build import PRODUCTS, build, build_cache
from plugin_backend.daw_plugin.config import PluginConfig, config_path
from plugin_backend.daw_plugin.install import install
from plugin_backend.daw_plugin.install_paths import SHIPPED, bundles_in, user_folder
from plugin_backend.errors import PluginError, PresetError, ProjectError
from plugin_backend.output_files import disk_error


def built_bundles(formats: Sequence[str], sdk: Path | None, out: Path | None, jobs: int | None) -> list[Path]:
    """Build the plug-ins; the steps are printed on standard error.

    Args:
        formats: ``vst3``, ``lv2``.
        sdk: folder of JUCE; ``None``: it is searched for.
        out: folder for the bundles; ``None``: in the user's cache.
        jobs: how many compilers run at the same time; ``None``: one per processor core.

    Returns:
        The bundles.
    """
    out = out or build_cache().with_name("plugin-bundles")
    return build(out, tuple(map(str.upper, formats)), sdk, jobs, lambda line: click.echo(line, err=True))


def install_bundles(
    formats: Sequence[str], to: Sequence[Path], banks: Sequence[Path], model: str, source: Path | None,
    sdk: Path | None, jobs: int | None,
) -> Iterator[Path]:  # fmt: skip
    """Install the plug-ins. Everything is checked before anything is built or copied.

    Args:
        formats: ``vst3``, ``lv2``.
        to: folders for the bundles; empty: the user's own.
        banks, model: for the plug-in's config.
        source: folder with built bundles; ``None``: they are built if they are missing.
        sdk, jobs: see :func:`built_bundles`.

    Yields:
        Each installed bundle, then the config file.

    Raises:
        InputError: a model, bank or folder cannot be used, or another file of that name is in the way.
    """
    config = config_of(model, banks)
    upper = tuple(map(str.upper, formats))
    folders = {format_: list(to) or [user_folder(format_)] for format_ in upper}
    for folder in to:
        if folder.exists() and not folder.is_dir():
            raise ProjectError(f"--to {folder}: not a folder")
    bundles = _bundles(formats, upper, source, sdk, jobs)
    installed = install(bundles, folders, config)
    while True:
        try:
            yield next(installed)
        except StopIteration:
            return
        except OSError as problem:
            raise disk_error(problem, Path(problem.filename or config_path().parent)) from problem


def config_of(model: str, banks: Sequence[Path]) -> PluginConfig:
    """Return the plug-in's config: this interpreter, and a model and banks that fit together.

    Raises:
        InputError: no preset fits the model, something cannot be read, or a path holds control characters.
    """
    from plugin_backend.models.registry import describe_codec
    from presets.bank import SHIPPED, Bank

    spec = describe_codec(model)
    bank = Bank(banks)
    presets = list(bank)
    if not any(preset.header.fingerprint == spec.fingerprint for preset in presets):
        raise PresetError(
            f"{bank.folder_list}: none of its {len(presets)} presets was made with model '{model}' "
            f"({spec.fingerprint}): give a bank of that model"
        )
    model = os.path.abspath(model) if Path(model).suffix else model
    folders = tuple(str(folder) if str(folder) in SHIPPED else os.path.abspath(folder) for folder in banks)
    config = PluginConfig(os.path.abspath(sys.executable), model, folders)
    for _, value in config.lines:
        if not value.isprintable():
            raise ProjectError(f"{value!r}: the plug-in's config cannot hold control characters")
    return config


def _bundles(
    formats: Sequence[str], upper: tuple[str, ...], source: Path | None, sdk: Path | None, jobs: int | None
) -> list[Path]:
    folder = source or SHIPPED
    found = bundles_in(folder, PRODUCTS, upper)
    if len(found) == len(upper) * len(PRODUCTS):
        return found
    if source is not None:
        wanted = ", ".join(f"{product}.{format_}" for format_ in formats for product in PRODUCTS)
        raise PluginError(f"--from {source}: not all of {wanted} are there")
    return built_bundles(formats, sdk, None, jobs)
