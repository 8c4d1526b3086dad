"""How a route is declared: what it takes and returns, as msgspec types.

The same declaration checks requests, writes replies and makes the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec


class Nothing(msgspec.Struct, frozen=True):
    """A request without fields."""


class Done(msgspec.Struct, frozen=True):
    """The reply of a route that returns nothing."""

    done: bool = True


class File(msgspec.Struct, frozen=True):
    """A reply that is a file.

    Attributes:
        data: its content.
        media: its media type.
        name: a name to save it under; empty to show it in the page.
    """

    data: bytes
    media: str = "application/octet-stream"
    name: str = ""


@dataclass(frozen=True)
class Endpoint:
    """One route below ``/api/sessions/{session}``.

    Attributes:
        method: of HTTP.
        path: with ``{fields}`` of the request.
        handle: takes the session and the request, and returns the reply. It runs in a thread.
        takes: type of the request; its fields come from the path, the query, and the body as JSON.
        returns: type of the reply, or :class:`File`.
        slow: it computes for more than a moment, so it waits for its turn in the queue.
        later: it is slow, and what a person waits for goes first.
        upload: the body is a file; the handler also takes its path.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    handle: Callable[..., Any]
    takes: type = Nothing
    returns: type = Done
    slow: bool = False
    later: bool = False
    upload: bool = False

    @property
    def doc(self) -> str:
        """First line of the handler's docstring."""
        return (self.handle.__doc__ or "").strip().splitlines()[0]
