"""Hash plain data."""

from __future__ import annotations

import hashlib
import json


def digest(data: object) -> str:
    """Return forty hexadecimal digits (BLAKE2b) of any data that JSON can hold. Equal data have equal digits.

    Examples:
        >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
        True
    """
    return hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=20).hexdigest()
