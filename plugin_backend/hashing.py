"""One short word for plain data."""

from __future__ import annotations

import hashlib
import json


def digest(data) -> str:
    """Forty hex digits (BLAKE2b) of anything JSON can say; equal data, equal digits."""
    return hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=20).hexdigest()
