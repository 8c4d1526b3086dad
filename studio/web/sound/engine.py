"""The engine of one session: acts in, hops of sound out. Its sound depends only on the acts and their samples."""

from __future__ import annotations

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
from plugin_backend.transfer.parameters import AXES, LATENT_PARAMETERS, PARAMETERS, axis_control
from presets.preset import Preset
from render.instrument.actions import EFFECT, LATENT
from render.instrument.effect_chain import Effect, EffectChain, make_stages
from render.instrument.note_player import HOP_SAMPLES, NotePlayer
from render.instrument.take_pool import TakeId, TakePool, nearest_effort
from render.instrument.voices import Voice, Voices
from render.plan.plan import velocity_gain
from studio.web.library import Library
from studio.web.sound.acts import EFFECTS, RELEASE, RESTART, SECOND, SOURCE, STRIKE, Act, Applied, Source
from studio.web.sound.input_player import InputPlayer, Loop, Microphone

RATE_HZ, CHANNELS = 48_000, 2
BANK, SHAPED, CLIP = "bank", "shaped", "clip"
MOST_EFFECTS, MOST_WAITING = 8, 4096

CONTROLS = (
    {axis_control(name): row for name, row in AXES.items()}
    | {f"latent.{name}": row for name, row in LATENT_PARAMETERS.items()}
    | PARAMETERS
)
"""Every control of notes and inputs; a latent's without its number. A player ignores those that its model lacks."""


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
    input: InputPlayer | None = None


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
        self._log_wanted = False
        self._log_start = 0
        self._effects: dict[str, EffectChain] = {}
        self._inputs: dict[str, InputPlayer] = {}
        self.microphone = Microphone()
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
        elif act.control == SOURCE and act.text:
            self._inputs[act.text] = self._new_input(act.text)
        elif act.control not in (RELEASE, RESTART, SECOND, SOURCE):
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
            self._decoded[act.text, number, nearest_effort(act.number)] = self._take(preset, number, act.number)

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

    def _new_input(self, text: str) -> InputPlayer:
        source = msgspec.json.decode(text, type=Source)
        preset = self._library.preset(source.preset)
        codec = self._library.models.codec(preset)
        if codec.spec.sample_rate != RATE_HZ or codec.spec.layout != "frames":
            raise ProjectError(f"preset '{preset.name}': a sound goes only through presets of a 48 kHz model in frames")
        feed = Loop(self._clip(source.clip)) if source.clip else self.microphone
        return InputPlayer(source.mode, preset.name, self._library.bank_of(source.preset), codec, feed, self._seed)

    def _new_chain(self, text: str) -> EffectChain:
        effects = msgspec.json.decode(text or "[]", type=list[Effect])
        if len(effects) > MOST_EFFECTS:
            raise ProjectError(f"{len(effects)} effects; at most {MOST_EFFECTS} can be used")
        for effect in effects:
            if effect.settings.get("ir", SYNTHETIC_RESPONSES[0]) not in SYNTHETIC_RESPONSES:
                raise ProjectError(f"ir: {', '.join(SYNTHETIC_RESPONSES)} can be used here")
        return EffectChain(make_stages(effects, RATE_HZ, CHANNELS))

    def _check_control(self, act: Act) -> None:
        if EFFECT.fullmatch(act.control):
            return  # the rack that it is for may still wait; it is checked when it is applied
        rows, name = CONTROLS, LATENT.sub(r"latent.\2", act.control)
        if name not in rows:
            raise ProjectError(f"no control '{act.control}'")
        rows[name].validate(act.number)

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
        if self._state.input is not None:
            shaped += self._state.input.push()
        out += self._state.chain.push(shaped, self.position)
        self._state.clips.add_to(out, self.position)
        out = self._ceiling.push(np.nan_to_num(out), self.position)
        self.position = end
        return np.ascontiguousarray(out, np.float32)

    def _apply(self, act: Act, at: int) -> None:
        number = -1
        if act.control == RESTART:
            self._restart(at)
        elif act.control == STRIKE:
            number = self._strike(act, at)
        elif act.control == RELEASE:
            self._release(act, at)
        elif act.control == SECOND:
            self._state.second = act.text
        elif act.control == SOURCE:
            self._set_source(act.text)
        elif act.control == EFFECTS:
            chain = self._effects.pop(act.text) if act.text in self._effects else self._new_chain(act.text)
            self._state.chain = chain
        elif EFFECT.fullmatch(act.control):
            row = self._state.chain.parameters.get(act.control)
            if row is not None and row.low <= act.number <= row.high:
                self._state.chain.set_control(act.control, act.number, at)
        else:
            self._state.values[act.control] = act.number
            if self._state.input is not None:
                self._state.input.set(act.control, act.number)
            for (to, _), player in self._state.players.items():
                if to == SHAPED and act.control in player.controls:
                    player.set(act.control, act.number)
        with self._lock:
            self._applied.append(Applied(act.id, at, number))
            if self._log is not None:
                self._log.append(msgspec.structs.replace(act, at=at))

    def _restart(self, at: int) -> None:
        self._state, self._ceiling = _State(), self._new_ceiling()
        self.microphone.restart(kept=self._log_wanted)
        if self._log_wanted:
            with self._lock:
                self._log, self._log_start, self._log_wanted = [], at, False

    def _set_source(self, text: str) -> None:
        self._state.input = None
        if text:
            self._state.input = self._inputs.pop(text) if text in self._inputs else self._new_input(text)
            for control, value in self._state.values.items():
                self._state.input.set(control, value)

    def _strike(self, act: Act, at: int) -> int:
        if act.to == CLIP:
            self._state.clips.start(Voice(act.text, at, self._clip(act.text), velocity_gain(act.number)))
            return -1
        preset = self._library.preset(act.text)
        spec = self._library.models.codec(preset).spec
        if act.to == SHAPED:
            self._state.chain.trigger(at)
        if spec.sample_rate != RATE_HZ or spec.layout != "frames":
            number = self._state.takes[act.text]
            self._state.takes[act.text] += 1
            sound = self._decoded.pop((act.text, number, nearest_effort(act.number)), None)
            sound = self._take(preset, number, act.number) if sound is None else sound
            self._state.clips.start(Voice(preset.name, at, sound, velocity_gain(act.number)))
            return number
        presets = [preset]
        if act.to == SHAPED and self._state.second:
            other = self._library.preset(self._state.second)
            presets += [other] if other.header.fingerprint == preset.header.fingerprint else []
        return self._player(act.to, preset).strike(at, max(act.key, 0), act.number, presets)

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
        """Keep every act from the next restart on, and what the microphone sends."""
        self._log_wanted = True

    def end_log(self) -> Played:
        """Return what was played since the restart, and keep no more."""
        with self._lock:
            acts, self._log, self._log_wanted = self._log or [], None, False
        begin = self._log_start
        moved = [msgspec.structs.replace(act, at=(act.at or 0) - begin, id=0) for act in acts]
        return Played(moved, self.position - begin, self.microphone.end())


@dataclass(frozen=True)
class Played:
    """What was played, so that it can be rendered again.

    Attributes:
        acts: each at its sample, from 0.
        length_samples: how long it was.
        microphone: ``[samples]`` float32 that the microphone sent.
    """

    acts: list[Act]
    length_samples: int
    microphone: np.ndarray


def render_played(library: Library, played: Played, clips: Callable[[str], np.ndarray]) -> np.ndarray:
    """Render again what was played, sample by sample as it was heard.

    Args:
        library: the presets.
        played: what was played.
        clips: name → sound.

    Returns:
        ``[2, length_samples]`` float32.
    """
    engine = SoundEngine(library, clips=clips)
    engine.microphone = Microphone(played.microphone)
    return render_acts(library, played.acts, played.length_samples, engine)


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
