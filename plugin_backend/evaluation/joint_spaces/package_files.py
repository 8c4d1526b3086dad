"""Files inside installed packages from which we take weights and tables, not code."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from plugin_backend.errors import MissingExtraError


def package_file(package: str, path: str, what: str, install: str) -> Path:
    """Return a file inside an installed package. The package is not imported.

    Args:
        package: name of the package as Python imports it.
        path: of the file, inside the package.
        what: the feature that needs it, for the message.
        install: pip arguments that install it.

    Raises:
        MissingExtraError: the package is not installed, or does not hold the file.
    """
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (file := Path(folder) / path).is_file():
            return file
    raise MissingExtraError(what, install)
