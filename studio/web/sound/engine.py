"""The engine of one session: acts in, hops of sound out. Its sound depends only on the acts and their samples."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from plugin_backend.dsp.resample import Resampler
from plugin_backend.effects.limiter import Limiter
from plugin_backend.effects.parameters import SYNTHETIC_RESPONSES
from plugin_backend.errors import ProjectError
from presets.preset import Preset
from render.instrument.actions import EFFECT
from render.instrument.effect_chain import Effect, EffectChain, make_stages
from render.instrument.note_player import HOP_SAMPLES, NotePlayer
from render.instrument.take_pool import TakeId, TakePool, nearest_effort
from render.instrument.voices import Voice, Voices
from render.plan.plan import velocity_gain
from studio.web.library import Library
from studio.web.sound.acts import EFFECTS, RELEASE, RESTART, SECOND, STRIKE, Act, Applied

RATE_HZ, CHANNELS = 48_000, 2
BANK, SHAPED, CLIP = "bank", "shaped", "clip"
MOST_EFFECTS, MOST_WAITING = 8, 4096


@dataclass
class _State:
    """Everything that sounds; a restart replaces it."""

    players: dict[tuple[str, str], NotePlayer] = field(default_factory=dict)
    clips: Voices = field(default_factory=Voices)
    clip_keys: dict[str, int] = field(default_factory=dict)
    takes: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    values: dict[str, float] = field(default_factory=dict)
    chain: EffectChain = field(default_factory=lambda: EffectChain([]))
    second: str = ""


class SoundEngine:
    """Plays presets, shaped presets and clips, mixed and limited to −1 dBTP.

    :meth:`prepare` and :meth:`act` may be called from any thread; one thread calls :meth:`push`.

    Args:
        library: the presets.
        seed: with the number of a strike, decides its take.
        clips: name → sound ``[samples]`` at 48 kHz.

    Attributes:
        position: samples so far.
        latency_samples: by which the sound is later than the acts: the limiter's.
    """

    def __init__(self, library: Library, seed: int = 0, clips: Callable[[str], np.ndarray] | None = None):
        self._library, self._seed = library, seed
        self.find_clip = clips
        self._lock = threading.Lock()
        self._waiting: list[Act] = []
        self._applied: list[Applied] = []
        self._log: list[Act] | None = None
        self._effects: dict[str, EffectChain] = {}
        self._decoded: dict[tuple[str, int, float], np.ndarray] = {}
        self.position = 0
        self._state = _State()
        self._ceiling = self._new_ceiling()
        self.latency_samples = self._ceiling.latency_samples

    @staticmethod
    def _new_ceiling() -> EffectChain:
        return EffectChain([Limiter(RATE_HZ, CHANNELS)])

    def prepare(self, act: Act) -> None:
        """Check an act, and do its slow work: load the model, align the takes, make the effects.

        Raises:
            PisadaError: the act is not possible.
        """
        if act.control == STRIKE and act.to == CLIP:
            self._clip(act.text)
        elif act.control in (STRIKE, SECOND) and act.text:
            self._prepare_preset(act)
        elif act.control == EFFECTS:
            self._effects.setdefault(act.text, self._new_chain(act.text))
        elif act.control not in (RELEASE, RESTART, SECOND):
            self._check_control(act)

    def _prepare_preset(self, act: Act) -> None:
        preset = self._library.preset(act.text)
        codec = self._library.models.codec(preset)
        if codec.spec.sample_rate == RATE_HZ and codec.spec.layout == "frames":
            self._player(act.to, preset).prepare(preset)
        elif act.control == SECOND:
            raise ProjectError(f"preset '{preset.name}': only presets of a 48 kHz model in frames can be morphed")
        else:
            number = self._state.takes[act.text]
            self._decoded[act.text, number, nearest_effort(act.value)] = self._take(preset, number, act.value)

    def _take(self, preset: Preset, number: int, velocity: float) -> np.ndarray:
        """Return a take of a model that is not streamed, at 48 kHz."""
        codec = self._library.models.codec(preset)
        take = TakeId(f"strike {number}", nearest_effort(velocity))
        audio = TakePool([codec], self._seed).take(preset, take)
        if codec.spec.sample_rate == RATE_HZ:
            return audio
        return Resampler(codec.spec.sample_rate, RATE_HZ, 1).push(audio[None], True)[0]

    def _clip(self, name: str) -> np.ndarray:
        if self.find_clip is None:
            raise ProjectError(f"no sound '{name[:64]}'")
        return self.find_clip(name)

    def _new_chain(self, text: str) -> EffectChain:
        effects = msgspec.json.decode(text or "[]", type=list[Effect])
        if len(effects) > MOST_EFFECTS:
            raise ProjectError(f"{len(effects)} effects; at most {MOST_EFFECTS} can be used")
        for effect in effects:
            if effect.settings.get("ir", SYNTHETIC_RESPONSES[0]) not in SYNTHETIC_RESPONSES:
                raise ProjectError(f"ir: {', '.join(SYNTHETIC_RESPONSES)} can be used here")
        return EffectChain(make_stages(effects, RATE_HZ, CHANNELS))

    def _check_control(self, act: Act) -> None:
        if not math.isfinite(act.value) and not act.control.endswith(".value"):
            raise ProjectError(f"{act.control}: {act.value} is not a number that can be used")
        if EFFECT.fullmatch(act.control):
            rows = self._state.chain.parameters
        else:
            rows = next((player.controls for player in self._state.players.values()), {})
            if not rows:
                return  # it is checked again when it is applied
        if act.control not in rows:
            raise ProjectError(f"no control '{act.control}'")
        rows[act.control].validate(act.value)

    def act(self, act: Act) -> None:
        """Apply a prepared act at its sample, or at the next one.

        Raises:
            ProjectError: too many acts wait.
        """
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise ProjectError(f"{MOST_WAITING} acts wait already")
            self._waiting.append(act)

    def push(self) -> np.ndarray:
        """Return the next hop, ``[2, 512]`` float32."""
        end = self.position + HOP_SAMPLES
        with self._lock:
            due = [act for act in self._waiting if act.at is None or act.at < end]
            self._waiting = [act for act in self._waiting if act.at is not None and act.at >= end]
        for act in sorted(due, key=lambda act: act.at or 0):
            self._apply(act, max(self.position, act.at or 0))
        out = np.zeros((CHANNELS, HOP_SAMPLES), np.float32)
        shaped = np.zeros_like(out)
        for (to, _), player in list(self._state.players.items()):
            (shaped if to == SHAPED else out)[:] += player.push(self.position)
        out += self._state.chain.push(shaped, self.position)
        self._state.clips.add_to(out, self.position)
        out = self._ceiling.push(np.nan_to_num(out), self.position)
        self.position = end
        return np.ascontiguousarray(out, np.float32)

    def _apply(self, act: Act, at: int) -> None:
        number = -1
        if act.control == RESTART:
            self._state, self._ceiling = _State(), self._new_ceiling()
        elif act.control == STRIKE:
            number = self._strike(act, at)
        elif act.control == RELEASE:
            self._release(act, at)
        elif act.control == SECOND:
            self._state.second = act.text
        elif act.control == EFFECTS:
            chain = self._effects.pop(act.text) if act.text in self._effects else self._new_chain(act.text)
            self._state.chain = chain
        elif not self._state.chain.set_control(act.control, act.value, at):
            self._state.values[act.control] = act.value
            for (to, _), player in self._state.players.items():
                if to == SHAPED and act.control in player.controls:
                    player.set(act.control, act.value)
        with self._lock:
            self._applied.append(Applied(act.id, at, number))
            if self._log is not None:
                self._log.append(msgspec.structs.replace(act, at=at))

    def _strike(self, act: Act, at: int) -> int:
        if act.to == CLIP:
            self._state.clips.start(Voice(act.text, at, self._clip(act.text), velocity_gain(act.value)))
            return -1
        preset = self._library.preset(act.text)
        spec = self._library.models.codec(preset).spec
        if act.to == SHAPED:
            self._state.chain.trigger(at)
        if spec.sample_rate != RATE_HZ or spec.layout != "frames":
            number = self._state.takes[act.text]
            self._state.takes[act.text] += 1
            sound = self._decoded.pop((act.text, number, nearest_effort(act.value)), None)
            sound = self._take(preset, number, act.value) if sound is None else sound
            self._state.clips.start(Voice(preset.name, at, sound, velocity_gain(act.value)))
            return number
        presets = [preset]
        if act.to == SHAPED and self._state.second:
            other = self._library.preset(self._state.second)
            presets += [other] if other.header.fingerprint == preset.header.fingerprint else []
        return self._player(act.to, preset).strike(at, max(act.key, 0), act.value, presets)

    def _release(self, act: Act, at: int) -> None:
        for (to, _), player in self._state.players.items():
            if act.to in ("all", to):
                player.release(act.key if act.key >= 0 else None, at)
        if act.to in ("all", SHAPED):
            self._state.chain.release(at)
        if act.to in ("all", CLIP) and act.key < 0:
            self._state.clips.fade_all(at)

    def _player(self, to: str, preset: Preset) -> NotePlayer:
        key = to, preset.header.fingerprint
        with self._lock:
            player = self._state.players.get(key)
            if player is None:
                axes = self._library.axes(preset.header.fingerprint)
                player = NotePlayer(self._library.models.codec(preset), CHANNELS, self._seed, axes)
                for control, value in self._state.values.items() if to == SHAPED else ():
                    if control in player.controls:
                        player.set(control, value)
                self._state.players[key] = player
        return player

    def take_applied(self) -> list[Applied]:
        """Return what was applied since the last call."""
        with self._lock:
            applied, self._applied = self._applied, []
        return applied

    def start_log(self) -> None:
        """Keep every act that is applied from now on, with its sample."""
        with self._lock:
            self._log = []

    def end_log(self) -> list[Act]:
        """Return the acts since :meth:`start_log`, and keep no more."""
        with self._lock:
            log, self._log = self._log or [], None
        return log


def render_acts(
    library: Library, acts: list[Act], length_samples: int, engine: SoundEngine | None = None
) -> np.ndarray:
    """Render acts without a page, exactly as they sounded.

    Args:
        library: the presets.
        acts: each with its sample.
        length_samples: how much to render.
        engine: a new engine; by default one of this library.

    Returns:
        ``[2, length_samples]`` float32, later than the acts by the engine's ``latency_samples``.
    """
    engine = engine or SoundEngine(library)
    for act in acts:
        engine.prepare(act)
        engine.act(act)
    hops = [engine.push() for _ in range(-(-length_samples // HOP_SAMPLES))]
    whole = np.concatenate(hops, axis=1) if hops else np.zeros((CHANNELS, 0), np.float32)
    return whole[:, :length_samples]
