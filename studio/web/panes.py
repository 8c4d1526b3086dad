"""The panes of the studio. A pane is added here in one line.

The page reads this table (``GET /api/panes``) and loads ``static/panes/NAME.js``. The server loads the routes of
``studio/web/routes/NAME.py``: its ``ENDPOINTS``, and its ``SOCKETS`` and ``FILES`` if it has
some.
"""

from __future__ import annotations

from typing import NamedTuple


class Pane(NamedTuple):
    """One pane.

    Attributes:
        name: of its modules, and of its address in the page.
        title: in the navigation.
        doc: what it is for, in one sentence.
    """

    name: str
    title: str
    doc: str


PANES = (
    Pane("bank", "Bank", "Find presets and hear their takes."),
    Pane("instrument", "Instrument", "Shape a preset while it sounds."),
    Pane("mix", "Mix pad", "Mix two to four presets by hand."),
    Pane("map", "Map", "Hear what lies between the takes of the banks."),
    Pane("timeline", "Timeline", "Edit cues against the film, and render them."),
    Pane("listen", "Listen", "Rate sounds in blind tests."),
)
