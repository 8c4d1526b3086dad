"""Classic effects as streaming stages: made by name and controlled by tables, the same live, in renders and in
plug-ins.
"""

from plugin_backend.effects.registry import STAGES, make_stage
from plugin_backend.effects.triggered import Triggered

__all__ = ["STAGES", "Triggered", "make_stage"]
