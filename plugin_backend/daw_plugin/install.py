"""Install bundles where hosts look for them, and remove them. Every file is recorded; nothing else is changed."""

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
from plugin_backend.text import in_one_line

MOST_RECORD_BYTES = 8 * 2**20
NAMES = tuple(product + suffix for product in PRODUCTS for suffix in SUFFIXES.values())


class InstalledBundle(msgspec.Struct, forbid_unknown_fields=True):
    """An installed bundle. ``files`` has a digest for each name in it."""

    path: str
    files: dict[str, str]


class Record(msgspec.Struct, forbid_unknown_fields=True):
    """What ``pisada plugin install`` has installed.

    Attributes:
        edition: the version of Pisada that did it.
        bundles: the bundles.
        config: path → digest.
        folders: that were made for it, outermost first.
    """

    edition: str = ""
    bundles: list[InstalledBundle] = []
    config: dict[str, str] = {}
    folders: list[str] = []


def record_path(config: Path | None = None) -> Path:
    """Return the path of the record: beside a configuration, by default the user's."""
    return (config or config_path()).with_suffix(".installed.json")


def read_record(path: Path) -> Record:
    """Read the record; return an empty one if there is no file.

    Raises:
        PluginError: the file is not such a record, or names something that install never writes.
    """
    try:
        if not path.exists():
            return Record()
        if path.stat().st_size > MOST_RECORD_BYTES:
            raise PluginError(f"{path}: larger than any record of an installation")
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError) as problem:
        raise PluginError(f"{path}: not a record of an installation ({in_one_line(problem)})") from problem
    for bundle in record.bundles:
        if not Path(bundle.path).is_absolute() or Path(bundle.path).name not in NAMES:
            raise PluginError(f"{path}: '{bundle.path}' cannot be the path of one of Pisada's bundles")
        outside = next((name for name in bundle.files if Path(name).is_absolute() or ".." in Path(name).parts), None)
        if outside is not None:
            raise PluginError(f"{path}: '{outside}' cannot be a name in a bundle")
    return record


def install(
    bundles: list[Path], folders: dict[str, list[Path]], config: PluginConfig, at: Path | None = None
) -> Iterator[Path]:
    """Copy complete bundles, replacing those of an earlier call, and write the configuration.

    Args:
        bundles: as built; the suffix of a name gives its format.
        folders: the folders of each format.
        config: the plug-in's configuration.
        at: the configuration's file; ``None``: the user's.

    Yields:
        Each file or folder when it is installed: the bundles, then the configuration.

    Raises:
        PluginError: something of that name exists that install did not put there; then nothing is changed.
    """
    at = at or config_path()
    record_file = record_path(at)
    record = read_record(record_file)
    formats = {suffix: format_ for format_, suffix in SUFFIXES.items()}
    targets = [(bundle, folder / bundle.name) for bundle in bundles for folder in folders[formats[bundle.suffix]]]
    targets = [(bundle, Path(os.path.abspath(target))) for bundle, target in targets]
    new_files = {bundle: digests(bundle) for bundle in bundles}
    known = {installed.path: installed.files for installed in record.bundles}
    for bundle, target in targets:
        _refuse_foreign(target, known.get(str(target), {}), new_files[bundle])
    record.edition = version("pisada")
    _make_folder(at.parent, record)
    for bundle, target in targets:
        with hold_signals():
            _make_folder(target.parent, record)
            _copy(bundle, target)
            known[str(target)] = new_files[bundle]
            record.bundles = [InstalledBundle(path, files) for path, files in known.items()]
            _write_record(record, record_file)
        yield target
    with hold_signals():
        write_config(config, at)
        record.config[str(at)] = _digest(at)
        _write_record(record, record_file)
    yield at


def uninstall(at: Path | None = None) -> Iterator[tuple[Path, str]]:
    """Remove what :func:`install` put there, and nothing else: files changed or added since then stay.

    Yields:
        A bundle, the configuration or a file, and ``removed``, ``gone`` (already removed) or why it stays.

    Raises:
        PluginError: nothing is recorded.
    """
    at = at or config_path()
    record_file = record_path(at)
    record = read_record(record_file)
    if not record.bundles and not record.config:
        raise PluginError(f"{record_file}: `pisada plugin install` has installed nothing")
    for bundle in record.bundles:
        yield from _remove(Path(bundle.path), bundle.files)
    for name, digest in record.config.items():
        path = Path(name)
        if not path.is_file():
            yield path, "gone"
        elif _digest(path) != digest:
            yield path, "stays: changed since it was installed"
        else:
            path.unlink()
            yield path, "removed"
    record_file.unlink()
    for folder in reversed(record.folders):
        _remove_if_empty(Path(folder))


def digests(bundle: Path) -> dict[str, str]:
    """Return for each name in a bundle a digest of its bytes, or the target of a link."""
    paths = sorted(path for path in bundle.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(bundle).as_posix(): _digest(path) for path in paths}


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"-> {os.readlink(path)}"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _refuse_foreign(target: Path, known: dict[str, str], new: dict[str, str]) -> None:
    advice = "move it away first"
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise PluginError(f"{target}: exists, and is not a bundle that install put there: {advice}")
    if not target.exists():
        return
    existing = digests(target)
    if existing and not known and existing != new:
        raise PluginError(f"{target}: exists, and `pisada plugin install` did not put it there: {advice}")
    other = next((name for name, value in existing.items() if value not in (known.get(name), new.get(name))), None)
    if other is not None:
        raise PluginError(f"{target / other}: changed or added since it was installed: {advice}")


def _make_folder(folder: Path, record: Record) -> None:
    new = [str(one) for one in (*reversed(folder.parents), folder) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    record.folders += [one for one in new if one not in record.folders]


def _copy(bundle: Path, target: Path) -> None:
    """Replace a bundle. A host that has the old one open can go on: its files are removed, not overwritten."""
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        with make_folder_atomically(target) as temporary:
            shutil.copytree(bundle, temporary, dirs_exist_ok=True, symlinks=True)
            if target.exists():
                os.rename(target, old)
    finally:
        if old.exists() and not target.exists():
            os.rename(old, target)
        shutil.rmtree(old, ignore_errors=True)


def _write_record(record: Record, path: Path) -> None:
    with write_atomically(path) as temporary:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))


def _remove(bundle: Path, files: dict[str, str]) -> Iterator[tuple[Path, str]]:
    if bundle.is_symlink() or not bundle.is_dir():
        yield bundle, "gone"
        return
    existing = digests(bundle)
    for name, digest in existing.items():
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
