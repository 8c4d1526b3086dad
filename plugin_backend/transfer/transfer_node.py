"""The transfer node: blocks of sound in, as many out, moved towards a preset, late by a constant."""

from __future__ import annotations

from functools import partial
from math import gcd

import numpy as np

from plugin_backend.codecs.base import Codec, channel_sides
from plugin_backend.dsp.dc_offset import dc_filter_for
from plugin_backend.dsp.delay import Delay
from plugin_backend.effects.stage import Stage
from plugin_backend.parameters import table
from plugin_backend.transfer.envelope_follower import EnvelopeFollower, PeakLimiter
from plugin_backend.transfer.latent_mover import PAIR, LatentMover, slot_names, state_subset
from plugin_backend.transfer.mode_exciter import ModeExciter
from plugin_backend.transfer.parameter_smoothing import SLEW_S, ParameterSmoother
from plugin_backend.transfer.parameters import PARAMETERS, RING, WIDTH, latent_parameters, weight_parameter
from plugin_backend.transfer.running_statistics import audible_frames
from plugin_backend.transfer.stream_state import restore_stream_state, save_stream_state
from plugin_backend.transfer.target import Target

REMEMBERING = ("mover", "slew", "follower", "ceiling", "ringer", "heard_offset", "made_offset")
"""Parts with a state of their own."""

LEVELS = ("mix", "gain")
"""Controls of what comes out."""


class TransferNode(Stage):
    """Encode, move, decode; follow the input's envelope; ring at its hits; mix with the input, which waits as long.

    All that happens inside happens in whole hops counted from the stream's first sample, so where blocks are cut
    changes nothing (with packed products not a bit; see :mod:`plugin_backend.models.waveform_vae.fast_inference`). A
    control
    that is set acts on what the next hop becomes and on; those heard as level or mixture glide for 50 ms.

    Args:
        codec: its ``layout`` must be ``"frames"``.
        channels: of every block.
        multiple_samples: every block's length will be a multiple of this; 1 allows any. Hops need no extra latency.
        mono: encode the mean of the channels and give every channel that wet sound.
        heard: mean and deviation of all the input's latents, each ``[dims]``, where they are known; otherwise they
            are measured as it goes, over the last seconds.
        slots: places for targets: ``a`` and ``b``, between which ``morph`` leads, and from ``c`` on others that are
            summed with them before decoding, 26 at most. Sums are of departures from the codec's silence.
        seed: what the decoder's noise follows from, 0 … 2^63 − 1.
        width: 0 … 1: how far the first two channels' noises differ. At 0 alike channels stay alike.

    Attributes:
        parameters: ``PARAMETERS``, ``weight.c`` and so on of summed slots, and every latent's, as ``3:bias``.
        latency_samples: output sample *i* is input sample ``i − latency_samples``. To hear the end, push as many zeros.
        repaired_samples: how many NaN and infinite samples came in; they were taken for 0.

    Raises:
        ValueError: a number out of range, or the codec has no frames to stream.
    """

    def __init__(
        self,
        codec: Codec,
        channels: int = 1,
        multiple_samples: int = 1,
        mono: bool = False,
        heard: tuple[np.ndarray, np.ndarray] | None = None,
        slots: int = PAIR,
        seed: int = 0,
        width: float = WIDTH.default,
    ):
        spec, names = codec.spec, slot_names(slots)
        if channels < 1 or multiple_samples < 1:
            raise ValueError(f"{channels} channels in multiples of {multiple_samples} samples; at least 1 is allowed")
        if spec.layout != "frames":
            raise ValueError(f"{spec.name}: a codec of layout '{spec.layout}' cannot be streamed")
        self.spec, self.channels, self.mono, self.multiple_samples = spec, channels, mono, multiple_samples
        self._encoded, weights = 1 if mono else channels, table(*map(weight_parameter, names[PAIR:]))
        self.parameters = PARAMETERS | weights | latent_parameters(spec.latent_dim)
        self._encoder = codec.encoder(self._encoded)
        self._fresh_decoder = partial(
            codec.decoder, self._encoded, [seed] * self._encoded, channel_sides(self._encoded, width)
        )
        self._decoder = self._fresh_decoder()
        frames_per_s = spec.sample_rate / spec.hop_samples
        rest = codec.silence(1)[0, 0]
        self._mover = LatentMover(self._encoded, spec.latent_dim, frames_per_s, heard, slots, rest)
        self._slew = ParameterSmoother(round(SLEW_S * frames_per_s), weights)
        follow_ms = PARAMETERS["follow_ms"].default
        self._fresh_levels = lambda follow_ms: (
            EnvelopeFollower(channels, spec.hop_samples, spec.sample_rate, follow_ms),
            PeakLimiter(channels, spec.hop_samples, spec.sample_rate),
            dc_filter_for(codec, channels, begins=False),
        )
        self._follower, self._ceiling, self._made_offset = self._fresh_levels(follow_ms)
        self._heard_offset = dc_filter_for(codec, channels)
        held = spec.hop_samples - gcd(spec.hop_samples, multiple_samples)
        self.latency_samples, self.repaired_samples = spec.latency_samples + held, 0
        self._waiting, self._begun = np.zeros((channels, 0), np.float32), False
        self._ready = np.zeros((channels, held), np.float32)
        self._dry, self._levels = Delay(2 * channels, spec.latency_samples), Delay(2, spec.latency_samples)
        self._ringer = ModeExciter(channels, spec.sample_rate, spec.latency_samples)
        self._ramp = np.arange(1, spec.hop_samples + 1) / spec.hop_samples

    def select(self, target: Target, slot: str = "a") -> None:
        """Move towards another target from the next hop on, cross-faded; a summed slot is heard by its weight."""
        self._mover.slots[slot].select(target, at_once=not self._begun)

    def set(self, name: str, value: float) -> None:
        """Set one of ``parameters``, from what becomes of the next hop on: levels are as late as the sound.

        Raises:
            ProjectError: out of range.
        """
        value = self.parameters[name].checked(value)
        latent, colon, control = name.partition(":")
        if colon:
            self._mover.set_latent(int(latent), control, value)
        elif name == "follow_ms":
            self._follower.follow_ms = value
        elif name == "smooth_ms":
            self._mover.smooth_ms = value
        elif name in RING:
            self._ringer.controls[name.removeprefix("ring_")] = value
        elif name == "gain_db":
            self._slew.set("gain", 10 ** (value / 20), at_once=not self._begun)
        else:
            self._slew.set(name, value, at_once=not self._begun)

    def restart_noise(self) -> None:
        """Begin anew the decoder's noise and windows and what follows them; its network remembers. For silence."""
        if hasattr(self._decoder, "past"):
            self._decoder.past = (self._decoder.past[0], *self._fresh_decoder().past[1:])
            self._follower, self._ceiling, self._made_offset = self._fresh_levels(self._follower.follow_ms)

    def set_latent(self, latent: int, name: str, value: float) -> None:
        """Set one of ``LATENT_PARAMETERS`` of one latent.

        Raises:
            ProjectError: out of range, or no such latent.
        """
        self._mover.set_latent(latent, name, value)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]``; answer ``[channels, n]`` float32, late by ``latency_samples``.

        Raises:
            ValueError: another number of channels, or *n* is not a multiple of ``multiple_samples``.
        """
        block = self._received(block)
        count = block.shape[1]
        waiting = np.concatenate([self._waiting, block], axis=1)
        whole = waiting.shape[1] - waiting.shape[1] % self.spec.hop_samples
        ready, self._waiting = self._ready, waiting[:, whole:].copy()
        if whole:
            ready = np.concatenate([ready, self._hops(waiting[:, :whole])], axis=1)
        self._ready = ready[:, count:].copy()
        return ready[:, :count]

    def _hops(self, audio: np.ndarray) -> np.ndarray:
        """Whole hops ``[channels, k * hop]`` through everything."""
        first, self._begun, hop = not self._begun, True, self.spec.hop_samples
        heard = self._heard_offset.push(audio).astype(np.float32)
        fed = heard.mean(axis=0, keepdims=True) if self.mono else heard
        z, loud = self._encoder.means(fed), audible_frames(fed, hop)
        controls = [self._slew.advance() for _ in range(z.shape[1])]
        moved = [self._mover.move(z[:, t], loud[:, t], now) for t, (_, now) in enumerate(controls)]
        wet = self._decoder.push(np.stack(moved, axis=1))
        if len(wet) < len(audio):
            wet = np.broadcast_to(wet, audio.shape)
        dry, heard = np.split(self._dry.push(np.concatenate([audio, heard])), 2)
        out = np.empty(audio.shape, np.float32)
        if first:
            self._levels.held = np.repeat(
                [[controls[0][0][name]] for name in LEVELS], self.spec.latency_samples, axis=1
            )
        for t, (before, now) in enumerate(controls):
            here, follow = slice(t * hop, (t + 1) * hop), now["follow"]
            followed = wet[:, here] * self._follower.gains(heard[:, here], wet[:, here], follow)
            followed += follow * (self._made_offset.push(followed) - followed)
            rung = self._ringer.push(audio[:, here], self._struck(now), now)
            made = self._ceiling.held(dry[:, here], followed if rung is None else followed + rung, follow)
            mix, gain = self._late_levels(before, now)
            out[:, here] = (1 - mix) * dry[:, here] + mix * gain * made
        return out

    def _struck(self, now: dict[str, float]) -> list[tuple[Target | None, float]]:
        """The pair's targets, then those summed with it, each with its weight."""
        slots = self._mover.slots
        pair = [(slots[name].target, now["weight"]) for name in "ab"]
        summed = [(slot.target, now[f"weight.{name}"]) for name, slot in list(slots.items())[PAIR:]]
        return [*pair, *summed]

    def _late_levels(self, before: dict[str, float], now: dict[str, float]) -> np.ndarray:
        """``mix`` and ``gain`` of the hop that comes out, as late as it; ``[2]`` where they rest, or ``[2, hop]``.

        They lead straight from one value to another within the hop that they were set for.
        """
        ends = np.array([[of[name] for name in LEVELS] for of in (before, now)])
        if (ends == ends[1]).all() and (self._levels.held == ends[1][:, None]).all():
            return ends[1]
        return self._levels.push(ends[0][:, None] + (ends[1] - ends[0])[:, None] * self._ramp)

    def state(self) -> dict[str, np.ndarray]:
        """Where the stream is, as plain arrays by name: with :meth:`restore` it goes on with the same samples.

        Raises:
            ValueError: what the codec's streams remember cannot be saved.
        """
        parts = {name: getattr(self, f"_{name}").state() for name in REMEMBERING}
        parts |= {name: save_stream_state(getattr(self, f"_{name}"), self.spec) for name in ("encoder", "decoder")}
        own = {
            "waiting": self._waiting,
            "ready": self._ready,
            "dry": self._dry.held,
            "levels": self._levels.held,
            "begun": np.array(self._begun),
        }
        own |= {"repaired": np.array(self.repaired_samples), "made_by": self._made_by()}
        return own | {f"{name}.{key}": value for name, state in parts.items() for key, value in state.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on where another node was; this one must be new, and made alike.

        Raises:
            ValueError: the state is of another codec, or of a node made otherwise.
        """
        if not np.array_equal(state["made_by"], self._made_by()):
            raise ValueError("this state is of another codec, number of channels or slots, multiple or mono setting")
        self._waiting, self._ready, self._dry.held = state["waiting"], state["ready"], state["dry"]
        self._levels.held = state["levels"]
        self._begun, self.repaired_samples = bool(state["begun"]), int(state["repaired"])
        for name in REMEMBERING:
            getattr(self, f"_{name}").restore(state_subset(state, name))
        restore_stream_state(self._encoder, state_subset(state, "encoder"))
        restore_stream_state(self._decoder, state_subset(state, "decoder"))

    def _made_by(self) -> np.ndarray:
        told = f"{self.spec.fingerprint} {self.channels} {self.multiple_samples} {self.mono} {len(self._mover.slots)}"
        return np.frombuffer(told.encode(), np.uint8).copy()
