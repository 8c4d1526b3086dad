"""Bundles to where hosts look, and back: what was put there is recorded, file by file, and nothing else is touched."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import msgspec

from plugin_backend.daw_plugin.build import PRODUCTS
from plugin_backend.daw_plugin.config import PluginConfig, config_path, write_config
from plugin_backend.daw_plugin.install_paths import SUFFIXES
from plugin_backend.errors import PluginError
from plugin_backend.output_files import hold_signals, make_folder_atomically, write_atomically

MOST_RECORD_BYTES = 8 * 2**20
NAMES = tuple(product + suffix for product in PRODUCTS for suffix in SUFFIXES.values())


class InstalledBundle(msgspec.Struct, forbid_unknown_fields=True):
    """A bundle where it was put; ``files`` is name in it → digest."""

    path: str
    files: dict[str, str]


class Record(msgspec.Struct, forbid_unknown_fields=True):
    """What ``pisada plugin install`` put where.

    Attributes:
        edition: Pisada's that did it.
        config: path → digest.
        folders: made for it, outermost first.
    """

    edition: str = ""
    bundles: list[InstalledBundle] = []
    config: dict[str, str] = {}
    folders: list[str] = []


def record_path(config: Path | None = None) -> Path:
    """Beside a config, the user's by default."""
    return (config or config_path()).with_suffix(".installed.json")


def read_record(path: Path) -> Record:
    """Read it; an empty one where there is none.

    Raises:
        PluginError: it is not one of ours, or names what install never puts anywhere.
    """
    try:
        if not path.exists():
            return Record()
        if path.stat().st_size > MOST_RECORD_BYTES:
            raise PluginError(f"{path}: larger than any record of an installation")
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError) as problem:
        raise PluginError(f"{path}: not a record of an installation ({problem})") from problem
    for put in record.bundles:
        if not Path(put.path).is_absolute() or Path(put.path).name not in NAMES:
            raise PluginError(f"{path}: '{put.path}' is no place of a bundle of ours")
        outside = next((name for name in put.files if Path(name).is_absolute() or ".." in Path(name).parts), None)
        if outside is not None:
            raise PluginError(f"{path}: '{outside}' is no name in a bundle")
    return record


def install(
    bundles: list[Path], folders: dict[str, list[Path]], config: PluginConfig, at: Path | None = None
) -> Iterator[Path]:
    """Copy bundles whole, in place of what an earlier call put there, and write the config.

    Args:
        bundles: as built; a name's suffix tells its format.
        folders: format → where its bundles go.
        config: what the plug-in is told.
        at: the config's file; ``None``: the user's.

    Yields:
        Each file or folder once it is there: the bundles, then the config.

    Raises:
        PluginError: something of that name is there that install did not put there; then nothing was done.
    """
    at = at or config_path()
    kept = record_path(at)
    record = read_record(kept)
    formats = {suffix: format_ for format_, suffix in SUFFIXES.items()}
    places = [(bundle, folder / bundle.name) for bundle in bundles for folder in folders[formats[bundle.suffix]]]
    places = [(bundle, Path(os.path.abspath(target))) for bundle, target in places]
    coming = {bundle: digests(bundle) for bundle in bundles}
    known = {put.path: put.files for put in record.bundles}
    for bundle, target in places:
        _refuse_another(target, known.get(str(target), {}), coming[bundle])
    record.edition = version("pisada")
    _make(at.parent, record)
    for bundle, target in places:
        with hold_signals():
            _make(target.parent, record)
            _place(bundle, target)
            known[str(target)] = coming[bundle]
            record.bundles = [InstalledBundle(path, files) for path, files in known.items()]
            _keep(record, kept)
        yield target
    with hold_signals():
        write_config(config, at)
        record.config[str(at)] = _digest(at)
        _keep(record, kept)
    yield at


def uninstall(at: Path | None = None) -> Iterator[tuple[Path, str]]:
    """Remove what :func:`install` put there, and only that: a file changed or added since stays.

    Yields:
        A bundle, the config or a file, and ``removed``, ``gone`` (somebody did it already) or why it stays.

    Raises:
        PluginError: nothing is recorded.
    """
    at = at or config_path()
    kept = record_path(at)
    record = read_record(kept)
    if not record.bundles and not record.config:
        raise PluginError(f"{kept}: `pisada plugin install` has put nothing anywhere")
    for put in record.bundles:
        yield from _taken(Path(put.path), put.files)
    for path, digest in record.config.items():
        own = Path(path)
        if not own.is_file():
            yield own, "gone"
        elif _digest(own) != digest:
            yield own, "stays: changed since it was installed"
        else:
            own.unlink()
            yield own, "removed"
    kept.unlink()
    for folder in reversed(record.folders):
        _remove_if_empty(Path(folder))


def digests(bundle: Path) -> dict[str, str]:
    """Name in a bundle → what it is: a digest of its bytes, or where a link leads."""
    paths = sorted(path for path in bundle.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(bundle).as_posix(): _digest(path) for path in paths}


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"-> {os.readlink(path)}"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _refuse_another(target: Path, known: dict[str, str], coming: dict[str, str]) -> None:
    advice = "move it away first"
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise PluginError(f"{target}: is there, and is no bundle that install put there: {advice}")
    if not target.exists():
        return
    there = digests(target)
    if there and not known and there != coming:
        raise PluginError(f"{target}: is there, and `pisada plugin install` did not put it there: {advice}")
    other = next((name for name, own in there.items() if own not in (known.get(name), coming.get(name))), None)
    if other is not None:
        raise PluginError(f"{target / other}: changed or added since it was installed: {advice}")


def _make(folder: Path, record: Record) -> None:
    made = [str(one) for one in (*reversed(folder.parents), folder) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    record.folders += [one for one in made if one not in record.folders]


def _place(bundle: Path, target: Path) -> None:
    """A host that has the old one open goes on with it: its files are removed, never written over."""
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        with make_folder_atomically(target) as whole:
            shutil.copytree(bundle, whole, dirs_exist_ok=True, symlinks=True)
            if target.exists():
                os.rename(target, old)
    finally:
        if old.exists() and not target.exists():
            os.rename(old, target)
        shutil.rmtree(old, ignore_errors=True)


def _keep(record: Record, path: Path) -> None:
    with write_atomically(path) as whole:
        whole.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))


def _taken(bundle: Path, files: dict[str, str]) -> Iterator[tuple[Path, str]]:
    if bundle.is_symlink() or not bundle.is_dir():
        yield bundle, "gone"
        return
    there = digests(bundle)
    for name, digest in there.items():
        if files.get(name) == digest:
            (bundle / name).unlink()
        else:
            yield bundle / name, "stays: changed or added since it was installed"
    for folder in sorted((path for path in bundle.rglob("*") if path.is_dir() and not path.is_symlink()), reverse=True):
        _remove_if_empty(folder)
    _remove_if_empty(bundle)
    if not bundle.exists():
        yield bundle, "removed"


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()
