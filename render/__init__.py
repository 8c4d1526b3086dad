"""When it sounds: exact time, cue sheets, the render graph, stems."""

from render.delivery.deliver import Delivery, deliver
from render.plan import make_plan, read_sheet
from render.project import Project, read_project
from render.stream import Block, stream

__all__ = ["Block", "Delivery", "Project", "deliver", "make_plan", "read_project", "read_sheet", "stream"]
