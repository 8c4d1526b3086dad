"""When it sounds: exact time, cue sheets, the render graph, stems.

What is named here is imported once it is asked for: who runs a part (``python -m render.plugin_server``) waits for no
other.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from render.delivery.deliver import Delivery, deliver
    from render.engine.make_plan import make_plan
    from render.engine.stream import Block, stream
    from render.plan.resolve import read_sheet
    from render.project.project import Project, read_project

__all__ = ["Block", "Delivery", "Project", "deliver", "make_plan", "read_project", "read_sheet", "stream"]

_HOMES = {
    "Delivery": "render.delivery.deliver",
    "deliver": "render.delivery.deliver",
    "make_plan": "render.plan.resolve",
    "read_sheet": "render.plan.resolve",
    "Project": "render.project.project",
    "read_project": "render.project.project",
    "Block": "render.engine.stream",
    "stream": "render.engine.stream",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'render' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
