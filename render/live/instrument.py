"""The live instrument: a function of the input's samples and of what was done, to the bit.

Everything has its place on the input's own clock. An action at input sample *s* changes what that sample became, and a
strike at *s* begins there: ``latency_samples`` later in the output. So what was recorded can be rendered again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.dsp.crossfade import FADE_S, SmoothedValue
from plugin_backend.dsp.delay import Delay
from plugin_backend.dsp.sanitize import sanitize
from plugin_backend.effects.stage import Stage
from plugin_backend.parameters import Parameter
from plugin_backend.transfer.settings import HITS
from plugin_backend.transfer.snapshot_morph import morph_snapshots
from presets.preset import Preset
from render.instrument.actions import AB, BYPASS, EFFECT, PRESETS, RELEASE, SHED, STRIKE, Action
from render.instrument.effect_chain import EffectChain, make_stages
from render.instrument.sample_schedule import Schedule
from render.instrument.take_pool import TakePool
from render.instrument.voices import Voice, Voices
from render.live.hits_mode import HitsMode
from render.live.playable_presets import PlayablePresets, PresetPool
from render.live.rig import Rig
from render.live.transfer_mode import TransferMode
from render.plan.plan import velocity_gain

BYPASSED = Parameter(BYPASS, 0, 1, 0, "", "1 lets the dry input through alone.")
BETWEEN = Parameter(AB, 0, 1, 0, "", "From the rig's snapshot a (0) to b (1).")
STRIKES_AHEAD = 2


class Instrument:
    """Sound and actions in, sound out, late by a constant. One thread pushes; :meth:`prepare` may run in another.

    Args:
        rig: what is played.
        codec: the presets' model.
        presets: by name; a bank.
        stages: in place of the rig's effects.

    Attributes:
        channels, sample_rate: of every block.
        latency_samples: output sample *i* is what input sample ``i − latency_samples`` became.
        controls: every numeric control and its range.
        dry: of the block last pushed, the input as late as the output.
        position: input samples so far.
        valid_from: input sample from which on the output is whole: after a :meth:`skip` that takes ``latency_samples``.
        taken: actions that took effect, with the sample where; who reads them may clear the list.

    Raises:
        PresetError: no such preset; it is of another model, or a texture in mode ``hits``.
        ProjectError: an effect or a latent that is not there.
    """

    def __init__(self, rig: Rig, codec: Codec, presets: Mapping[str, Preset], stages: Sequence[Stage] | None = None):
        self.rig, self.channels, self.sample_rate = rig, rig.channels, codec.spec.sample_rate
        self.fingerprint = codec.spec.fingerprint
        shelf = PresetPool(rig, presets)
        added = shelf.added(rig, codec)
        self._takes = TakePool([codec, *(layer.codec for layer in added)], rig.seed)
        self._strikes: defaultdict[str, int] = defaultdict(int)
        if rig.mode == HITS:
            self._source = HitsMode(rig, codec, self._takes, lambda at: self._chain.trigger(at), added)
        else:
            first = shelf[rig.preset] if rig.sum else None
            self._source = TransferMode(rig, codec, first, shelf.summed(rig), added)
        self._voices = Voices()
        if stages is None:
            stages = make_stages(rig.effects, self.sample_rate, rig.channels)
        self._chain = EffectChain(stages)
        self._bypass, self._switches = SmoothedValue(0.0, round(FADE_S * self.sample_rate)), Schedule()
        self.latency_samples = self._source.latency_samples + self._chain.latency_samples
        self.controls = self._source.parameters | self._chain.parameters | {BYPASS: BYPASSED}
        self._turned = dict(self.controls)  # by ``ab``, which is none of them
        if rig.a or rig.b:
            self.controls[AB] = BETWEEN
        self._known = PlayablePresets(rig, codec, shelf, self.controls)
        self.position, self.valid_from, self.taken = 0, 0, []
        self._schedule, self._delay = Schedule(), Delay(self.channels, self.latency_samples)
        self.dry = np.zeros((self.channels, 0), np.float32)
        for control, name in zip(PRESETS, (rig.preset, rig.to), strict=True):
            if name:
                action = self.checked(Action(0, control, text=name))
                self.prepare(action)
                self._source.select(self._known[name], "ab"[PRESETS.index(control)], 0)
        self._turn(AB, 0.0, 0)
        for pad in rig.pads:
            self.prepare(self.checked(Action(0, STRIKE, 1.0, pad)))

    def checked(self, action: Action) -> Action:
        """See :meth:`render.live.playable_presets.PlayablePresets.checked`."""
        return self._known.checked(action)

    def digest(self, name: str) -> str:
        """See :meth:`render.live.playable_presets.PlayablePresets.digest`."""
        return self._known.digest(name)

    def prepare(self, action: Action) -> None:
        """Do all that is slow about a checked action beforehand; from any thread."""
        if action.control in PRESETS:
            self._source.prepare(self._known[action.text])
        elif action.control == STRIKE:
            preset = self._known[action.text]
            if preset.header.kind == "hit":
                self._takes.keep(preset, self._numbers(preset))

    def ready(self, action: Action) -> bool:
        """Whether nothing slow is left to do for it."""
        if action.control in PRESETS:
            return self._source.ready(self._known[action.text])
        if action.control == STRIKE:
            preset = self._known[action.text]
            return preset.header.kind != "hit" or self._takes.has(preset, self._numbers(preset)[0])
        return True

    def wanted(self) -> list[tuple[Preset, list[str]]]:
        """Takes that will be needed next, not yet decoded; see :meth:`fetch`."""
        return [(preset, own) for preset, own in self._next() if not all(self._takes.has(preset, one) for one in own)]

    def _next(self) -> list[tuple[Preset, list[str]]]:
        struck = [(self._known[name], self._numbers(self._known[name])) for name in list(self._strikes)]
        return [*self._source.wanted(), *((preset, own) for preset, own in struck if preset.header.kind == "hit")]

    @property
    def held(self) -> int:
        """How many struck textures are held."""
        return self._voices.held

    def fetch(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Decode them, until ``stopped``; from any thread."""
        for preset, numbers in self.wanted():
            for number in numbers:
                if stopped():
                    return
                self._takes.keep(preset, [number])
        self._takes.tidy({(preset.name, number) for preset, numbers in self._next() for number in numbers})

    def _numbers(self, preset: Preset) -> list[str]:
        done = self._strikes[preset.name]
        return [f"strike {number}" for number in range(done, done + STRIKES_AHEAD)]

    def act(self, action: Action) -> None:
        """Do what was :meth:`checked` at its sample, or with the next if that has been."""
        at = max(action.at_samples, self.position)
        self._schedule.add(at, lambda: self._do(Action(at, action.control, action.value, action.text)))

    def _do(self, action: Action) -> None:
        at, control, value, text = action.at_samples, action.control, action.value, action.text
        if control in PRESETS:
            self._source.select(self._known[text], "ab"[PRESETS.index(control)], at)
        elif control == STRIKE:
            self._strike(at, value, self._known[text])
        elif control == RELEASE:
            self._voices.release(text, at)
            self._chain.release(at)
        elif control == SHED:
            self._voices.shed(round(value))
        else:
            self._turn(control, value, at)
        self.taken.append(action)

    def _turn(self, control: str, value: float, at: int) -> None:
        if control == AB:
            for name, between in morph_snapshots(self.rig.a, self.rig.b, value, self._turned).items():
                self._turn(name, between, at)
        elif control == BYPASS:
            self._switches.add(at, lambda: self._bypass.select(value))
        elif effect := EFFECT.fullmatch(control):
            self._chain.set(int(effect[1]), effect[2], value, at)
        else:
            self._source.set(control, value, at)

    def _strike(self, at: int, velocity: float, preset: Preset) -> None:
        number = self._numbers(preset)[0]
        self._strikes[preset.name] += 1
        hit = preset.header.kind == "hit"
        sound = self._takes.take(preset, number) if hit else self._takes.held(preset, number)
        self._voices.start(Voice(preset.name, at, sound, velocity_gain(velocity)))
        self._chain.trigger(at)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]``, in all of it a multiple of the rig's blocks; answer as many, float32.

        Samples that are not finite count as 0.
        """
        begin, count = self.position, block.shape[1]
        clean, _ = sanitize(block)
        self.dry = self._delay.push(clean)
        pieces = []
        for here in self._schedule.pieces(begin, count, self._source.grain_samples):
            pieces.append(self._source.push(clean[:, here], begin + here.start))
        out = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)
        out = np.array(out, np.float32)
        start = begin - self._source.latency_samples
        self._voices.add_to(out, start)
        out = self._chain.push(out, start)
        self.position += count
        return self._switched(out, begin - self.latency_samples)

    def _switched(self, out: np.ndarray, start: int) -> np.ndarray:
        for here in self._switches.pieces(start, out.shape[1]):
            share = self._bypass.take(here.stop - here.start)
            if np.any(share):
                out[:, here] += share * (self.dry[:, here] - out[:, here])
        return out

    def skip(self, samples: int) -> None:
        """Leave out input that came too fast: whole blocks. The sound begins anew; what was struck goes on,
        what is held of it without being decoded."""
        self.position += samples
        self.valid_from = self.position + self.latency_samples
        self._source.restart(self.position)
        self._delay = Delay(self.channels, self.latency_samples)
