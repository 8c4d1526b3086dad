"""When it sounds: exact time, cue sheets, the render graph, stems.

What is named here is imported once it is asked for: who runs a part (``python -m render.plugin``) waits for no other.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from render.delivery.deliver import Delivery, deliver
    from render.plan import make_plan, read_sheet
    from render.project import Project, read_project
    from render.streaming import Block, stream

__all__ = ["Block", "Delivery", "Project", "deliver", "make_plan", "read_project", "read_sheet", "stream"]

_HOMES = {
    "Delivery": "render.delivery.deliver",
    "deliver": "render.delivery.deliver",
    "make_plan": "render.plan",
    "read_sheet": "render.plan",
    "Project": "render.project",
    "read_project": "render.project",
    "Block": "render.streaming",
    "stream": "render.streaming",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'render' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
