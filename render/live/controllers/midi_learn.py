"""Routes controller messages to the instrument, by the map; and learns new bindings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from plugin_backend.errors import PisadaError, ProjectError
from plugin_backend.parameters import Parameter
from render.instrument.actions import PRESETS, RELEASE, STRIKE, STRIKES
from render.live.controllers.controller_map import NAMED, Binding, LiveMap, check, with_binding
from render.live.controllers.midi_input import source_of

if TYPE_CHECKING:
    import mido

PREFIX = "/pisada/"
LEARN = "learn"
MOST_PROBLEMS = 32
MOST_LEARNING = 64


class ControllerRouter:
    """Turns controller messages into actions of the instrument. Any thread may call it.

    Args:
        act: ``act(control, value, text)``; raises PisadaError if the action is not possible.
        controls: the instrument's controls.
        live_map: the bindings to begin with.
        pads: MIDI note number or name → preset.
        presets: the presets that program changes select, in order or by number.
        preset: the preset that notes strike if there are no pads.
        notes: what notes do that are not bound: ``strike`` or ``walk``.

    Attributes:
        live_map: the bindings, with those learned so far.
        learned: how many bindings were learned.
        learning: controls that wait for the next moved controller, in order.
        last: the last movement, as text.
        refused: how many messages could not be used.
        problems: why, each reason once.
    """

    def __init__(
        self,
        act: Callable[[str, float, str], None],
        controls: Mapping[str, Parameter],
        live_map: LiveMap,
        pads: Mapping[str, str],
        presets: Mapping[int, str] | Sequence[str],
        preset: str = "",
        notes: str = STRIKE,
    ):
        self._act, self._controls, self._pads = act, controls, pads
        self._presets = presets if isinstance(presets, Mapping) else dict(enumerate(presets))
        self._preset, self._notes, self._lock = preset, notes, threading.Lock()
        self.live_map, self.learned, self.last, self.refused = live_map, 0, "", 0
        self.learning: list[str] = []
        self.problems: list[str] = []
        self._just_learned: set[str] = set()

    def learn(self, wanted: str) -> None:
        """Bind the next moved controller to a control, or to ``strike:NAME`` and the like.

        Raises:
            ProjectError: there is no such control, or too many controls wait already.
        """
        check(parse_binding("cc.1.0", wanted), self._controls)
        if len(self.learning) == MOST_LEARNING:
            raise ProjectError(f"{MOST_LEARNING} controls wait for a controller already; move one first")
        self.learning.append(wanted)

    @property
    def preset(self) -> str:
        """The current preset, as far as the router knows."""
        return self._preset

    def midi(self, message: mido.Message) -> None:
        """Handle a mido message."""
        with self._lock:
            moved = source_of(message)
            if moved is not None and self._moved(*moved):
                return
            if message.type == "program_change":
                self._program(message.program)
            elif message.type in ("note_on", "note_off"):
                self._note(message.note, message.velocity / 127 if message.type == "note_on" else 0.0)

    def osc(self, address: str, arguments: list) -> bool:
        """Handle an OSC message; return whether it could be used."""
        with self._lock:
            if not address.startswith(PREFIX):
                share = _number(arguments)
                if share is None:
                    return self._refuse(f"{address}: one number 0..1 can be used")
                self._moved(f"osc:{address}", share)
                return True
            control = address.removeprefix(PREFIX).replace("/", ".")
            if control == LEARN:
                return self._try(lambda: self.learn(".".join(map(str, arguments)).replace("/", ".")), "learning")
            return self._set_by_address(control, arguments)

    def _set_by_address(self, control: str, arguments: list) -> bool:
        numbers = [argument for argument in arguments if isinstance(argument, (int, float))]
        texts = [argument for argument in arguments if isinstance(argument, str)]
        if len(numbers) > 1 or len(texts) > 1 or len(numbers) + len(texts) != len(arguments):
            return self._refuse(f"{control}: a number, a name, or a name and a number can be used")
        if control not in NAMED and (texts or not numbers):
            return self._refuse(f"{control}: one number can be used")
        return self._do(control, float(numbers[0]) if numbers else 1.0, texts[0] if texts else "")

    def _moved(self, source: str, share: float) -> bool:
        """Handle a controller's new position; return whether it is bound."""
        learns = self.learning and source not in self._just_learned and share > 0
        if learns and self._try(lambda: self._learn(source), "learning"):
            self._just_learned.add(source)
        bound = False
        for binding in self.live_map.binding:
            if binding.source == source:
                bound = True
                self._act_on(binding, share)
        if not bound:
            self.last = f"{source} {share:.2f} (not bound)"
        return bound

    def _learn(self, source: str) -> None:
        self.live_map = with_binding(self.live_map, parse_binding(source, self.learning[0]))
        self.learned += 1
        self.learning.pop(0)

    def _act_on(self, binding: Binding, share: float) -> None:
        if binding.control not in NAMED:
            value = binding.value(share, self._controls[binding.control])
            self._do(binding.control, value, "", f"{binding.source} → ")
        elif binding.control in STRIKES and share == 0:
            self._do(RELEASE, 0.0, binding.text, f"{binding.source} → ")
        elif share > 0:
            self._do(binding.control, binding.value(share, UNIT), binding.text, f"{binding.source} → ")

    def _note(self, note: int, velocity: float) -> None:
        pad = str(note)
        name = pad if pad in self._pads else "" if self._pads else self._preset
        if name:
            self._do(self._notes if velocity else RELEASE, velocity, name, f"note {note} → ")

    def _program(self, program: int) -> None:
        if program in self._presets:
            self._do(PRESETS[0], 0.0, self._presets[program], f"program {program} → ")
        else:
            self._refuse(f"program {program}: the bank has no such preset")

    def _do(self, control: str, value: float, text: str, cause: str = "") -> bool:
        self.last = cause + (f"{control} {text}" if text else f"{control} {value:.3g}")
        done = self._try(lambda: self._act(control, value, text), control)
        if done and control == PRESETS[0]:
            self._preset = text
        return done

    def _try(self, action: Callable[[], None], name: str) -> bool:
        try:
            action()
        except PisadaError as problem:
            return self._refuse(f"{name}: {problem}" if name not in str(problem) else str(problem))
        return True

    def _refuse(self, problem: str) -> bool:
        self.refused += 1
        if problem not in self.problems and len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        return False


UNIT = Parameter("velocity", 0, 1, 1, "", "How hard the strike is.")


def parse_binding(source: str, wanted: str) -> Binding:
    """Return the binding of a source to the control that ``--learn`` names."""
    control, _, text = wanted.partition(":")
    return Binding(source=source, control=control, text=text)


def _number(arguments: list) -> float | None:
    if len(arguments) != 1 or not isinstance(arguments[0], (int, float)):
        return None
    return float(arguments[0])
