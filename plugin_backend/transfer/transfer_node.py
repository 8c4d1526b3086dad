"""The transfer node: moves a stream towards a preset, block by block, late by a constant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import gcd

import numpy as np

from plugin_backend.codecs.base import Codec, channel_sides
from plugin_backend.codecs.dc_offset import dc_filter_for
from plugin_backend.dsp.crossfade import FADE_S, SmoothedValue
from plugin_backend.dsp.delay import Delay
from plugin_backend.effects.stage import Stage
from plugin_backend.parameters import table
from plugin_backend.transfer.envelope_follower import EnvelopeFollower, PeakLimiter
from plugin_backend.transfer.latent_mover import PAIR, LatentMover, slot_names, state_subset
from plugin_backend.transfer.mode_exciter import ModeExciter
from plugin_backend.transfer.parameter_smoothing import SLEW_S, ParameterSmoother
from plugin_backend.transfer.parameters import (
    PARAMETERS,
    RING,
    WIDTH,
    latent_parameters,
    split_latent_control,
    weight_parameter,
)
from plugin_backend.transfer.running_statistics import audible_frames
from plugin_backend.transfer.silence_gate import SilenceGate
from plugin_backend.transfer.stream_state import restore_stream_state, save_stream_state
from plugin_backend.transfer.target import Target

STATEFUL_PARTS = {name: f"_{name}" for name in ("mover", "follower", "ceiling", "ringer", "gate", "mix", "gain")}
STATEFUL_PARTS |= {"slew": "_smoother", "heard_offset": "_input_offset", "made_offset": "_output_offset"}
"""Parts with a state of their own: name in a saved state → attribute."""

LEVELS = ("mix", "gain_db")
"""Controls of the output level."""


@dataclass(frozen=True)
class NoiseSettings:
    """Settings of the decoder's noise.

    Attributes:
        seed: 0 … 2^63 − 1.
        width: 0 … 1: how far the noises of the first two channels differ. At 0, equal channels stay equal.
    """

    seed: int = 0
    width: float = WIDTH.default


class TransferNode(Stage):
    """Encodes, moves and decodes; follows the input's envelope; rings at its hits; mixes with the delayed input.

    All processing is in whole hops counted from the stream's first sample, so block boundaries change nothing (not a
    bit with packed products; see :class:`~plugin_backend.models.family.Computation`). ``mix`` and ``gain_db`` act
    on the sound of the next sample that is pushed, later by the latency, and any other control from the next hop on.
    Controls of level or mixture glide for 50 ms. Unless ``follow`` is 1, the wet sound fades out while the input is
    silent (:class:`~plugin_backend.transfer.silence_gate.SilenceGate`).

    Args:
        codec: its ``layout`` must be ``"frames"``.
        channels: of every block.
        multiple_samples: every block's length is a multiple of this; 1 allows any. Blocks of whole hops need no extra
            latency.
        mono: encode the mean of the channels, and give every channel that wet sound.
        statistics: mean and deviation of all latents of the input, each ``[dims]``, if they are known. Otherwise they
            are measured as the stream runs, over the last seconds.
        slots: number of slots for targets, at most 26. ``morph`` interpolates between ``a`` and ``b``. Slots from ``c``
            on are added to them before decoding, as differences from the codec's silence.
        noise: settings of the decoder's noise.

    Attributes:
        parameters: ``PARAMETERS``, ``weight.c`` and so on of summed slots, and those of every latent, such as
            ``3:bias``.
        latency_samples: output sample *i* is input sample ``i − latency_samples``. To get the end, push that many
            zeros.
        repaired_samples: number of NaN and infinite samples that came in; they were set to 0.

    Raises:
        ValueError: a number is out of range, or the codec has no frames to stream.
    """

    def __init__(
        self,
        codec: Codec,
        channels: int = 1,
        multiple_samples: int = 1,
        mono: bool = False,
        statistics: tuple[np.ndarray, np.ndarray] | None = None,
        slots: int = PAIR,
        noise: NoiseSettings = NoiseSettings(),
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
            codec.decoder, self._encoded, [noise.seed] * self._encoded, channel_sides(self._encoded, noise.width)
        )
        self._decoder = self._fresh_decoder()
        frames_per_s = spec.sample_rate / spec.hop_samples
        rest = codec.silence(1)[0, 0]
        self._mover = LatentMover(self._encoded, spec.latent_dim, frames_per_s, statistics, slots, rest)
        self._smoother = ParameterSmoother(round(SLEW_S * frames_per_s), weights)
        self._mix, self._gain = (SmoothedValue(1.0, round(FADE_S * spec.sample_rate)) for _ in LEVELS)
        self._gate = SilenceGate(self._encoded, spec.hop_samples, spec.latency_samples, spec.sample_rate)
        follow_ms = PARAMETERS["follow_ms"].default
        self._fresh_levels = lambda follow_ms: (
            EnvelopeFollower(channels, spec.hop_samples, spec.sample_rate, follow_ms),
            PeakLimiter(channels, spec.hop_samples, spec.sample_rate),
            dc_filter_for(codec, channels, begins=False),
        )
        self._follower, self._ceiling, self._output_offset = self._fresh_levels(follow_ms)
        self._input_offset = dc_filter_for(codec, channels)
        padding = spec.hop_samples - gcd(spec.hop_samples, multiple_samples)
        self.latency_samples, self.repaired_samples = spec.latency_samples + padding, 0
        self._waiting, self._is_running = np.zeros((channels, 0), np.float32), False
        self._waiting_levels = np.zeros((len(LEVELS), 0))
        self._ready = np.zeros((channels, padding), np.float32)
        self._dry, self._levels = Delay(2 * channels, spec.latency_samples), Delay(2, spec.latency_samples)
        self._ringer = ModeExciter(channels, spec.sample_rate, spec.latency_samples)
        self._ramp = np.arange(1, spec.hop_samples + 1) / spec.hop_samples

    def select(self, target: Target, slot: str = "a") -> None:
        """Cross-fade to another target from the next hop on. The weight of a summed slot is its level."""
        self._mover.slots[slot].select(target, at_once=not self._is_running)

    def set(self, name: str, value: float) -> None:
        """Set one of ``parameters``, from the next hop on. Levels are delayed as the sound is.

        Raises:
            ProjectError: the value is out of range.
        """
        value = self.parameters[name].validate(value)
        latent_control = split_latent_control(name)
        if latent_control is not None:
            self._mover.set_latent(*latent_control, value)
        elif name == "follow_ms":
            self._follower.follow_ms = value
        elif name == "smooth_ms":
            self._mover.smooth_ms = value
        elif name in RING:
            self._ringer.controls[name.removeprefix("ring_")] = value
        elif name in LEVELS:
            self._set_level(name, value, at_once=not (self._is_running or self._waiting.size))
        else:
            self._smoother.set(name, value, at_once=not self._is_running)

    def _set_level(self, name: str, value: float, at_once: bool) -> None:
        if name == "mix":
            self._mix.select(value, at_once)
        else:
            self._gain.select(10 ** (value / 20), at_once)

    def restart_noise(self) -> None:
        """Restart the decoder's noise and windows, and the followers.

        The network keeps its state. For use in silence.
        """
        past = getattr(self._decoder, "past", None)
        if past is not None:
            fresh = getattr(self._fresh_decoder(), "past")  # noqa: B009
            setattr(self._decoder, "past", (past[0], *fresh[1:]))  # noqa: B010 (only some codecs' streams have it)
            self._follower, self._ceiling, self._output_offset = self._fresh_levels(self._follower.follow_ms)

    def set_latent(self, latent: int, name: str, value: float) -> None:
        """Set one of ``LATENT_PARAMETERS`` of one latent.

        Args:
            latent: its number, from 0.
            name: the parameter.
            value: its value.

        Raises:
            ProjectError: the value is out of range, or there is no such latent.
        """
        self._mover.set_latent(latent, name, value)

    def set_offset(self, offset: np.ndarray) -> None:
        """Set what is added to the bias of every latent, from the next hop on: ``[dims]``, all finite.

        Raises:
            ValueError: it has another shape, or is not finite.
        """
        self._mover.set_offset(offset)

    def push(self, block: np.ndarray, changes: Sequence[tuple[int, str, float]] = ()) -> np.ndarray:
        """Process ``[channels, n]``. Return ``[channels, n]`` float32, late by ``latency_samples``.

        Args:
            block: the input.
            changes: of ``mix`` and ``gain_db`` within the block, in order: sample, control and value.

        Raises:
            ValueError: the number of channels is wrong, or *n* is not a multiple of ``multiple_samples``.
            ProjectError: a value is out of range.
        """
        block = self._check_block(block)
        count = block.shape[1]
        levels = np.concatenate([self._waiting_levels, *self._level_parts(count, changes)], axis=1)
        waiting = np.concatenate([self._waiting, block], axis=1)
        whole_samples = waiting.shape[1] - waiting.shape[1] % self.spec.hop_samples
        ready, self._waiting = self._ready, waiting[:, whole_samples:].copy()
        self._waiting_levels = levels[:, whole_samples:].copy()
        if whole_samples:
            output = self._hops(waiting[:, :whole_samples], levels[:, :whole_samples])
            ready = np.concatenate([ready, output], axis=1)
        self._ready = ready[:, count:].copy()
        return ready[:, :count]

    def _level_parts(self, count: int, changes: Sequence[tuple[int, str, float]]) -> Iterator[np.ndarray]:
        """Yield ``mix`` and ``gain`` of the block in parts ``[2, n]``, cut at the changes."""
        begin = 0
        for sample, name, value in [*changes, (count, "", 0.0)]:
            if sample > begin:
                part = np.empty((len(LEVELS), sample - begin))
                part[0], part[1] = self._mix.advance(sample - begin), self._gain.advance(sample - begin)
                yield part
            if name:
                at_once = not (sample or self._is_running or self._waiting.size)
                self._set_level(name, self.parameters[name].validate(value), at_once)
            begin = sample

    def _hops(self, audio: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Process whole hops ``[channels, k * hop]``, with ``levels`` ``[2, k * hop]``."""
        first, self._is_running, hop = not self._is_running, True, self.spec.hop_samples
        centred = self._input_offset.push(audio).astype(np.float32)
        encoder_input = centred.mean(axis=0, keepdims=True) if self.mono else centred
        z, is_audible = self._encoder.means(encoder_input), audible_frames(encoder_input, hop)
        controls = [self._smoother.advance() for _ in range(z.shape[1])]
        moved = [self._mover.move(z[:, t], is_audible[:, t], now) for t, (_, now) in enumerate(controls)]
        wet = self._decoder.push(np.stack(moved, axis=1))
        if len(wet) < len(audio):
            wet = np.broadcast_to(wet, audio.shape)
        dry, centred = np.split(self._dry.push(np.concatenate([audio, centred])), 2)
        out = np.empty(audio.shape, np.float32)
        if first:
            self._levels.held = np.repeat(levels[:, :1], self.spec.latency_samples, axis=1)
        for t, (_, now) in enumerate(controls):
            span, follow = slice(t * hop, (t + 1) * hop), now["follow"]
            followed = wet[:, span] * self._follower.gains(centred[:, span], wet[:, span], follow)
            followed += follow * (self._output_offset.push(followed) - followed)
            closed, opened = self._gate.advance(is_audible[:, t])
            if follow < 1 and (np.minimum(closed, opened) < 1).any():
                followed *= closed[:, None] + (opened - closed)[:, None] * self._ramp
            ringing = self._ringer.push(audio[:, span], self._weighted_targets(now), now)
            output = self._ceiling.limit_peaks(
                dry[:, span], followed if ringing is None else followed + ringing, follow
            )
            mix, gain = self._late_levels(levels[:, span])
            out[:, span] = (1 - mix) * dry[:, span] + mix * gain * output
        return out

    def _weighted_targets(self, now: dict[str, float]) -> list[tuple[Target | None, float]]:
        """Return the pair's targets, then the summed targets, each with its weight."""
        slots = self._mover.slots
        pair = [(slots[name].target, now["weight"]) for name in "ab"]
        summed = [(slot.target, now[f"weight.{name}"]) for name, slot in list(slots.items())[PAIR:]]
        return [*pair, *summed]

    def _late_levels(self, levels: np.ndarray) -> np.ndarray:
        """Return ``mix`` and ``gain`` of the hop that comes out: ``[2]`` if they are constant, else ``[2, hop]``.

        Args:
            levels: of the hop that comes in, ``[2, hop]``.
        """
        first = levels[:, :1]
        if (levels == first).all() and (self._levels.held == first).all():
            return first[:, 0]
        return self._levels.push(levels)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays by name. After :meth:`restore` the stream continues with the same samples.

        Raises:
            ValueError: the state of the codec's streams cannot be saved.
        """
        parts: dict[str, dict[str, np.ndarray]]
        parts = {name: getattr(self, attribute).state() for name, attribute in STATEFUL_PARTS.items()}
        parts |= {name: save_stream_state(getattr(self, f"_{name}"), self.spec) for name in ("encoder", "decoder")}
        arrays: dict[str, np.ndarray] = {
            "waiting": self._waiting,
            "ready": self._ready,
            "dry": self._dry.held,
            "levels": self._levels.held,
            "waiting_levels": self._waiting_levels,
            "begun": np.array(self._is_running),
        }
        arrays |= {"repaired": np.array(self.repaired_samples), "made_by": self._made_by()}
        return arrays | {f"{name}.{key}": value for name, state in parts.items() for key, value in state.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from the state of another node. This node must be new, and made with the same arguments.

        Raises:
            ValueError: the state is of another codec, or of a node with other arguments.
        """
        if not np.array_equal(state["made_by"], self._made_by()):
            raise ValueError("this state is of another codec, number of channels or slots, multiple or mono setting")
        self._waiting, self._ready, self._dry.held = state["waiting"], state["ready"], state["dry"]
        self._levels.held, self._waiting_levels = state["levels"], state["waiting_levels"]
        self._is_running, self.repaired_samples = bool(state["begun"]), int(state["repaired"])
        for name, attribute in STATEFUL_PARTS.items():
            getattr(self, attribute).restore(state_subset(state, name))
        restore_stream_state(self._encoder, state_subset(state, "encoder"))
        restore_stream_state(self._decoder, state_subset(state, "decoder"))

    def _made_by(self) -> np.ndarray:
        arguments = (
            f"{self.spec.fingerprint} {self.channels} {self.multiple_samples} {self.mono} {len(self._mover.slots)}"
        )
        return np.frombuffer(arguments.encode(), np.uint8).copy()
