"""Cue sheets in, stems out: exact time, cue sheets, the render graph and delivered files.

The public names below are imported when they are first used. So a process that runs one part
(``python -m render.plugin_server``) does not load the others.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from render.delivery.deliver import Delivery, DeliveryJob, deliver
    from render.engine.make_plan import make_plan
    from render.engine.stream import Block, stream
    from render.plan.resolve import read_sheet
    from render.project.project import Project, read_project

__all__ = [
    "Block",
    "Delivery",
    "DeliveryJob",
    "Project",
    "deliver",
    "make_plan",
    "read_project",
    "read_sheet",
    "stream",
]

_MODULES = {
    "Delivery": "render.delivery.deliver",
    "DeliveryJob": "render.delivery.deliver",
    "deliver": "render.delivery.deliver",
    "make_plan": "render.engine.make_plan",
    "read_sheet": "render.plan.resolve",
    "Project": "render.project.project",
    "read_project": "render.project.project",
    "Block": "render.engine.stream",
    "stream": "render.engine.stream",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'render' has no attribute '{name}'")
    return getattr(import_module(_MODULES[name]), name)
