"""The desk: what controllers do, by the map or by learning."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from plugin_backend.errors import PisadaError, ProjectError
from plugin_backend.parameters import Parameter
from render.instrument.actions import PRESETS, RELEASE, STRIKE
from render.live.controllers.controller_map import NAMED, Binding, LiveMap, check, with_binding
from render.live.controllers.midi_input import source_of

PREFIX = "/pisada/"
LEARN = "learn"
MOST_PROBLEMS = 32
MOST_LEARNING = 64


class ControllerRouter:
    """Turns what controllers send into what the instrument does. Any thread may call it.

    Args:
        act: ``act(control, value, text)``; raises PisadaError where that cannot be.
        controls: the instrument's.
        live_map: which controller moves what.
        pads: MIDI note number or name → preset.
        presets: that program changes choose from, in order, or by number.
        preset: struck by notes where there are no pads.

    Attributes:
        live_map: as learned so far; ``learned`` counts.
        learning: controls that wait for the next controller moved, in order.
        last: what was moved last, in words.
        refused: how much could not be done; ``problems`` tells each kind once.
    """

    def __init__(
        self,
        act: Callable[[str, float, str], None],
        controls: Mapping[str, Parameter],
        live_map: LiveMap,
        pads: Mapping[str, str],
        presets: Mapping[int, str] | Sequence[str],
        preset: str = "",
    ):
        self._act, self._controls, self._pads = act, controls, pads
        self._presets = presets if isinstance(presets, Mapping) else dict(enumerate(presets))
        self._preset, self._lock = preset, threading.Lock()
        self.live_map, self.learned, self.learning, self.last = live_map, 0, [], ""
        self._fresh: set[str] = set()
        self.refused, self.problems = 0, []

    def learn(self, wanted: str) -> None:
        """Bind the next controller moved to a control, or to ``strike:NAME`` and the like.

        Raises:
            ProjectError: there is no such control, or too many wait already.
        """
        check(parse_binding("cc.1.0", wanted), self._controls)
        if len(self.learning) == MOST_LEARNING:
            raise ProjectError(f"{MOST_LEARNING} controls wait for a controller, and no more can")
        self.learning.append(wanted)

    @property
    def preset(self) -> str:
        """What is applied now, as far as the desk knows."""
        return self._preset

    def midi(self, message) -> None:
        """Take a mido message."""
        with self._lock:
            moved = source_of(message)
            if moved is not None and self._moved(*moved):
                return
            if message.type == "program_change":
                self._program(message.program)
            elif message.type in ("note_on", "note_off"):
                self._note(message.note, message.velocity / 127 if message.type == "note_on" else 0.0)

    def osc(self, address: str, arguments: list) -> bool:
        """Take an OSC message; answers whether it could be used."""
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
            return self._addressed(control, arguments)

    def _addressed(self, control: str, arguments: list) -> bool:
        numbers = [one for one in arguments if isinstance(one, (int, float))]
        texts = [one for one in arguments if isinstance(one, str)]
        if len(numbers) > 1 or len(texts) > 1 or len(numbers) + len(texts) != len(arguments):
            return self._refuse(f"{control}: a number, a name, or a name and a number can be used")
        if control not in NAMED and (texts or not numbers):
            return self._refuse(f"{control}: one number can be used")
        return self._do(control, float(numbers[0]) if numbers else 1.0, texts[0] if texts else "")

    def _moved(self, source: str, share: float) -> bool:
        """A controller's new position; answers whether it is taken."""
        wanted = self.learning and source not in self._fresh and share > 0
        if wanted and self._try(lambda: self._learn(source), "learning"):
            self._fresh.add(source)
        taken = False
        for binding in self.live_map.binding:
            if binding.source == source:
                taken = True
                self._bound(binding, share)
        if not taken:
            self.last = f"{source} {share:.2f} (not bound)"
        return taken

    def _learn(self, source: str) -> None:
        self.live_map = with_binding(self.live_map, parse_binding(source, self.learning[0]))
        self.learned += 1
        self.learning.pop(0)

    def _bound(self, binding: Binding, share: float) -> None:
        if binding.control not in NAMED:
            value = binding.value(share, self._controls[binding.control])
            self._do(binding.control, value, "", f"{binding.source} → ")
        elif binding.control == STRIKE and share == 0:
            self._do(RELEASE, 0.0, binding.text, f"{binding.source} → ")
        elif share > 0:
            self._do(binding.control, binding.value(share, UNIT), binding.text, f"{binding.source} → ")

    def _note(self, note: int, velocity: float) -> None:
        pad = str(note)
        name = pad if pad in self._pads else "" if self._pads else self._preset
        if name:
            self._do(STRIKE if velocity else RELEASE, velocity, name, f"note {note} → ")

    def _program(self, program: int) -> None:
        if program in self._presets:
            self._do(PRESETS[0], 0.0, self._presets[program], f"program {program} → ")
        else:
            self._refuse(f"program {program}: the bank has no such preset")

    def _do(self, control: str, value: float, text: str, why: str = "") -> bool:
        said = f"{control} {text}" if text else f"{control} {value:.3g}"
        self.last = why + said
        done = self._try(lambda: self._act(control, value, text), control)
        if done and control == PRESETS[0]:
            self._preset = text
        return done

    def _try(self, what: Callable[[], None], name: str) -> bool:
        try:
            what()
        except PisadaError as problem:
            return self._refuse(f"{name}: {problem}" if name not in str(problem) else str(problem))
        return True

    def _refuse(self, problem: str) -> bool:
        self.refused += 1
        if problem not in self.problems and len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        return False


UNIT = Parameter("velocity", 0, 1, 1, "", "How hard.")


def parse_binding(source: str, wanted: str) -> Binding:
    """The binding of a source to what ``--learn`` names."""
    control, _, text = wanted.partition(":")
    return Binding(source=source, control=control, text=text)


def _number(arguments: list) -> float | None:
    if len(arguments) != 1 or not isinstance(arguments[0], (int, float)):
        return None
    return float(arguments[0])
