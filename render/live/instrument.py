"""The live instrument: its output depends only on the input samples and the actions, bit for bit.

Every action has a place on the input's own clock. An action at input sample *s* changes the output of that sample, and
a strike at *s* begins there: ``latency_samples`` later in the output. So a recording can be rendered again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.dsp.crossfade import FADE_S, SmoothedValue
from plugin_backend.dsp.delay import Delay
from plugin_backend.dsp.sanitize import sanitize
from plugin_backend.effects.limiter import Limiter
from plugin_backend.effects.parameters import LIMITER
from plugin_backend.effects.stage import Stage
from plugin_backend.parameters import Parameter
from plugin_backend.transfer.parameters import STRIKING
from plugin_backend.transfer.settings import HITS
from plugin_backend.transfer.snapshot_morph import morph_snapshots
from presets.preset import Preset
from render.cues.walks.gaits import GAITS
from render.instrument.actions import (
    AB,
    BYPASS,
    EFFECT,
    PRESETS,
    RELEASE,
    SHED,
    STRIKE,
    STRIKES,
    WALK,
    Action,
    split_note,
)
from render.instrument.effect_chain import EffectChain, make_stages
from render.instrument.held_walk import HeldWalk, Step
from render.instrument.sample_schedule import Schedule
from render.instrument.take_pool import EFFORTS, TakeId, TakePool, nearest_effort
from render.instrument.voices import Voice, Voices
from render.live.hits_mode import HitsMode
from render.live.playable_presets import PlayablePresets, PresetPool, PresetSource
from render.live.rig import Rig
from render.live.transfer_mode import TransferMode
from render.plan.plan import velocity_gain

BYPASSED = Parameter(BYPASS, 0, 1, 0, "", "1 plays the dry input alone.")
BETWEEN = Parameter(AB, 0, 1, 0, "", "From the rig's snapshot a (0) to b (1).")
STRIKES_AHEAD = 2


class Instrument:
    """Audio and actions in, audio out, later by a constant. One thread pushes; :meth:`prepare` may run in another.

    Args:
        rig: what is played.
        codec: the presets' model.
        presets: a bank: presets by name.
        stages: used in place of the rig's effects.

    Attributes:
        channels, sample_rate: of every block.
        latency_samples: output sample *i* comes from input sample ``i − latency_samples``.
        controls: every numeric control and its range.
        axes: of the model, or ``None``.
        dry: the input of the last block, delayed as much as the output.
        position: input samples so far.
        valid_from: the first input sample whose output is complete; after a :meth:`skip`, ``latency_samples`` later.
        applied: actions that took effect, each with its sample; the reader may clear the list.

    Raises:
        PresetError: a preset does not exist, is of another model, or is a texture in mode ``hits``.
        ProjectError: an effect or a latent does not exist.
    """

    def __init__(self, rig: Rig, codec: Codec, presets: PresetSource, stages: Sequence[Stage] | None = None):
        self.rig, self.channels, self.sample_rate = rig, rig.channels, codec.spec.sample_rate
        self.fingerprint = codec.spec.fingerprint
        pool = PresetPool(rig, presets)
        added = pool.added(rig, codec)
        self.axes = pool.axes(self.fingerprint)
        self._takes = TakePool([codec, *(layer.codec for layer in added)], rig.seed)
        self._strikes: defaultdict[str, int] = defaultdict(int)
        self._walks: dict[str, HeldWalk] = {}
        self._walks_begun = 0
        self._stepping = {"cadence": float(GAITS[rig.gait].cadence_spm), "effort": 1.0}
        self._chain: EffectChain
        self._source: HitsMode | TransferMode
        if rig.mode == HITS:
            self._source = HitsMode(rig, codec, self._takes, lambda at: self._chain.trigger(at), added, self.axes)
        else:
            first = pool[rig.preset] if rig.sum else None
            self._source = TransferMode(rig, codec, first, pool.summed(rig), added, self.axes)
        self._voices = Voices()
        if stages is None:
            stages = make_stages(rig.effects, self.sample_rate, rig.channels)
        self._chain = EffectChain(stages)
        self._ceiling = EffectChain([Limiter(self.sample_rate, rig.channels)])
        self._before_ceiling = self._source.latency_samples + self._chain.latency_samples
        self._bypass, self._switches = SmoothedValue(0.0, round(FADE_S * self.sample_rate)), Schedule()
        self.latency_samples = self._before_ceiling + self._ceiling.latency_samples
        own = LIMITER | STRIKING | {BYPASS: BYPASSED}
        self.controls = self._source.parameters | self._chain.parameters | own
        self._morphed = dict(self.controls)  # by ``ab``, which is not one of them
        if rig.a or rig.b:
            self.controls[AB] = BETWEEN
        self._playable = PlayablePresets(rig, codec, pool, self.controls)
        self.position, self.valid_from, self._audible_from = 0, 0, 0
        self.applied: list[Action] = []
        self._schedule, self._delay = Schedule(), Delay(self.channels, self.latency_samples)
        self.dry = np.zeros((self.channels, 0), np.float32)
        for control, name in zip(PRESETS, (rig.preset, rig.to), strict=True):
            if name:
                action = self.resolve(Action(0, control, text=name))
                self.prepare(action)
                self._source.select(self._playable[name], "ab"[PRESETS.index(control)], 0)
        for name in LIMITER:
            self._set(name, float(getattr(rig, name)), -self._before_ceiling)
        self._set(AB, 0.0, 0)
        for pad in rig.pads:
            self.prepare(self.resolve(Action(0, STRIKE, 1.0, pad)))

    def resolve(self, action: Action) -> Action:
        """See :meth:`render.live.playable_presets.PlayablePresets.resolve`."""
        return self._playable.resolve(action)

    def digest(self, name: str) -> str:
        """See :meth:`render.live.playable_presets.PlayablePresets.digest`."""
        return self._playable.digest(name)

    def prepare(self, action: Action) -> None:
        """Do the slow work of a resolved action in advance. Any thread may call it."""
        if action.control in PRESETS:
            self._source.prepare(self._playable[action.text])
        elif action.control in STRIKES:
            preset = self._struck(action.text)
            if preset.header.kind == "hit":
                self._takes.decode_ahead(preset, self._next_takes(action.text))

    def ready(self, action: Action) -> bool:
        """Return whether no slow work is left for an action."""
        if action.control in PRESETS:
            return self._source.ready(self._playable[action.text])
        if action.control in STRIKES:
            preset = self._struck(action.text)
            return preset.header.kind != "hit" or all(
                self._takes.has(preset, take) for take in self._next_takes(action.text)[: len(EFFORTS)]
            )
        return True

    def missing_takes(self) -> list[tuple[Preset, list[TakeId]]]:
        """Return presets and takes that will be needed next and are not all decoded; see :meth:`fetch`."""
        return [
            (preset, takes)
            for preset, takes in self._upcoming_takes()
            if not all(self._takes.has(preset, take) for take in takes)
        ]

    def _upcoming_takes(self) -> list[tuple[Preset, list[TakeId]]]:
        presets = [(self._struck(text), text) for text in list(self._strikes)]
        struck = [(preset, self._next_takes(text)) for preset, text in presets if preset.header.kind == "hit"]
        walked = [(self._struck(text), [self._step_take(text, walk)]) for text, walk in list(self._walks.items())]
        return [*self._source.upcoming_takes(), *struck, *walked]

    def _struck(self, text: str) -> Preset:
        """Return the preset that a resolved strike names, with or without a note."""
        return self._playable[split_note(text)[0]]

    def _step_take(self, text: str, walk: HeldWalk) -> TakeId:
        """Return the take of a walk's next step."""
        take = _take_of(f"strike {self._strikes[text]}", walk.next_step(self._stepping["effort"]))
        return take._replace(note=split_note(text)[1])

    @property
    def held(self) -> int:
        """The number of held textures."""
        return self._voices.held

    def fetch(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Decode the missing takes, until ``stopped()`` is true. Any thread may call it."""
        for preset, takes in self.missing_takes():
            for take in takes:
                if stopped():
                    return
                self._takes.decode_ahead(preset, [take])
        self._takes.discard_unneeded(
            {(preset.name, take) for preset, takes in self._upcoming_takes() for take in takes}
        )

    def _next_takes(self, text: str) -> list[TakeId]:
        """Return the takes of the next strikes of a preset, at a note: for each strike, one of every effort."""
        done, note = self._strikes[text], split_note(text)[1]
        strikes = [f"strike {number}" for number in range(done, done + STRIKES_AHEAD)]
        return [TakeId(strike, effort, note=note) for strike in strikes for effort in EFFORTS]

    def act(self, action: Action) -> None:
        """Apply a resolved action at its sample, or at the next sample if that one has passed."""
        at = max(action.at_samples, self.position)
        self._schedule.add(at, lambda: self._apply(Action(at, action.control, action.value, action.text)))

    def _apply(self, action: Action) -> None:
        at, control, value, text = action.at_samples, action.control, action.value, action.text
        if control in PRESETS:
            self._source.select(self._playable[text], "ab"[PRESETS.index(control)], at)
        elif control == STRIKE:
            self._strike(at, value * self._stepping["effort"], text)
        elif control == WALK:
            self._walk(at, value, text)
        elif control == RELEASE:
            for name in list(self._walks) if not text else [text]:
                if name in self._walks:
                    self._walks.pop(name).ended = True
            self._voices.release(text, at)
            self._chain.release(at)
        elif control == SHED:
            self._voices.shed(round(value))
        else:
            self._set(control, value, at)
        self.applied.append(action)

    def _set(self, control: str, value: float, at: int) -> None:
        if control == AB:
            for name, between in morph_snapshots(self.rig.a, self.rig.b, value, self._morphed).items():
                self._set(name, between, at)
        elif control == BYPASS:
            self._switches.add(at, lambda: self._bypass.select(value))
        elif control in STRIKING:
            self._stepping[control] = value
        elif control in LIMITER:
            self._ceiling.set(0, control, value, at)
        elif effect := EFFECT.fullmatch(control):
            self._chain.set(int(effect[1]), effect[2], value, at)
        else:
            self._source.set(control, value, at)

    def _strike(self, at: int, velocity: float, text: str, step: Step | None = None) -> None:
        preset, note = self._struck(text), split_note(text)[1]
        number = f"strike {self._strikes[text]}"
        self._strikes[text] += 1
        take = TakeId(number, nearest_effort(velocity)) if step is None else _take_of(number, step)
        hit = preset.header.kind == "hit"
        sound = self._takes.take(preset, take._replace(note=note)) if hit else self._takes.texture(preset, number, note)
        self._voices.start(Voice(text, at, sound, velocity_gain(velocity)))
        self._chain.trigger(at)

    def _walk(self, at: int, velocity: float, text: str) -> None:
        """Begin a walk; one that the preset walks already ends."""
        if text in self._walks:
            self._walks[text].ended = True
        key = f"{self.rig.seed}\0{text}\0{self._walks_begun}"
        self._walks_begun += 1
        walk = self._walks[text] = HeldWalk(at, key, self.sample_rate, velocity, self.rig.gait)
        self._take_step(walk, text)

    def _take_step(self, walk: HeldWalk, text: str) -> None:
        """Strike a walk's next step, unless it lies in skipped input, and schedule the one after it."""
        if walk.ended:
            return
        step = walk.next_step(self._stepping["effort"])
        if step.at_samples >= self._audible_from:
            self._strike(step.at_samples, step.velocity, text, step)
        walk.go_on(self._stepping["cadence"])
        self._schedule.add(walk.next_samples, lambda: self._take_step(walk, text))

    def push(self, block: np.ndarray) -> np.ndarray:
        """Process a block.

        Args:
            block: ``[channels, n]``; all blocks together are a multiple of the rig's block size. Samples that are not
                finite count as 0.

        Returns:
            ``[channels, n]`` float32.

        Raises:
            FloatingPointError: an effect made samples that are not finite.
        """
        begin, count = self.position, block.shape[1]
        clean, _ = sanitize(block)
        self.dry = self._delay.push(clean)
        pieces = []
        for piece in self._schedule.pieces(begin, count, self._source.grain_samples):
            pieces.append(self._source.push(clean[:, piece], begin + piece.start))
        out = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)
        out = np.array(out, np.float32)
        start = begin - self._source.latency_samples
        self._voices.add_to(out, start)
        out = self._chain.push(out, start)
        if not np.isfinite(out).all():
            raise FloatingPointError("an effect made samples that are not finite")
        out = self._ceiling.push(out, begin - self._before_ceiling)
        self.position += count
        return self._with_bypass(out, begin - self.latency_samples)

    def _with_bypass(self, out: np.ndarray, start: int) -> np.ndarray:
        for piece in self._switches.pieces(start, out.shape[1]):
            share = self._bypass.advance(piece.stop - piece.start)
            if np.any(share):
                out[:, piece] += share * (self.dry[:, piece] - out[:, piece])
        return out

    def skip(self, samples: int) -> None:
        """Skip whole blocks of input that came too fast.

        The processed input starts over. Struck sounds go on; held ones are not decoded for the skipped time.
        """
        self.position += samples
        self._audible_from = self.position
        self.valid_from = self.position + self.latency_samples
        self._source.restart(self.position)
        self._delay = Delay(self.channels, self.latency_samples)


def _take_of(number: str, step: Step) -> TakeId:
    """Return the take of a step."""
    return TakeId(number, nearest_effort(step.effort), step.foot, step.part)
