"""Makes the engine of a plug-in instance for its kind and the host's rate, and computes its latency."""

from __future__ import annotations

from math import gcd

from plugin_backend.codecs.base import Codec, CodecSpec
from plugin_backend.daw_plugin.parameters import EFFECT
from plugin_backend.daw_plugin.shared_memory import hop_of
from plugin_backend.errors import PluginError
from render.plugin_server.engine import Engine
from render.plugin_server.preset_slots import PresetPool

RATES_HZ = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
"""Sample rates of hosts; any other is refused."""

HOP_SAMPLES = 512
"""The hop of engines at the codec's own rate."""


def engine_latency(kind: str, spec: CodecSpec, rate_hz: int) -> int:
    """Return the latency of the engine that :func:`make_engine` makes, without loading a model.

    Args:
        kind: ``effect`` or ``instrument``.
        spec: of the codec.
        rate_hz: the host's.

    Returns:
        Samples at the host's rate.

    Raises:
        PluginError: the rate is not one of ``RATES_HZ``.
    """
    from plugin_backend.effects.limiter import limiter_latency

    return _sound_latency(kind, spec, rate_hz) + limiter_latency(rate_hz)


def _sound_latency(kind: str, spec: CodecSpec, rate_hz: int) -> int:
    """Return the latency of the engine without its ceiling."""
    hop = _hop(rate_hz)
    has_input = kind == EFFECT
    latency = spec.latency_samples + spec.hop_samples - gcd(spec.hop_samples, HOP_SAMPLES) if has_input else 0
    if _direct(spec, rate_hz):
        return latency
    from plugin_backend.dsp.resample import resampled_timing

    return resampled_timing(rate_hz, spec.sample_rate, hop, HOP_SAMPLES, latency, has_input).latency_samples


def make_engine(
    kind: str, codec: Codec, presets: PresetPool, rate_hz: int, channels: int, hop_samples: int, seed: int
) -> Engine:
    """Make a plug-in instance's engine, with its ceiling. One thread may use it.

    Args and Raises are those of :func:`make_sound_engine`.
    """
    from render.plugin_server.limited_engine import LimitedEngine

    return LimitedEngine(make_sound_engine(kind, codec, presets, rate_hz, channels, hop_samples, seed))


def make_sound_engine(
    kind: str, codec: Codec, presets: PresetPool, rate_hz: int, channels: int, hop_samples: int, seed: int
) -> Engine:
    """Make the engine without its ceiling.

    Args:
        kind: ``effect`` or ``instrument``.
        codec: of the presets.
        presets: the bank's presets by number; one pool for all engines of a process: ``PresetPool(Bank(folder))``.
        rate_hz: the host's.
        channels: 1 or 2.
        hop_samples: :func:`plugin_backend.daw_plugin.shared_memory.hop_of` the rate.
        seed: decides takes and variations.

    Returns:
        The engine, at the host's rate.

    Raises:
        PluginError: the rate is not one of ``RATES_HZ``, the hop is not the rate's, or the model has no frames.
    """
    if hop_samples != _hop(rate_hz):
        raise PluginError(f"hops of {hop_samples} samples; at {rate_hz} Hz they have {_hop(rate_hz)}")
    if codec.spec.layout != "frames":
        raise PluginError(f"model '{codec.spec.name}': its layout is '{codec.spec.layout}', which cannot be streamed")
    if kind == EFFECT:
        from render.plugin_server.effect_engine import EffectEngine

        inner: Engine = EffectEngine(codec, presets, channels, HOP_SAMPLES)
    else:
        from render.plugin_server.instrument_engine import InstrumentEngine

        inner = InstrumentEngine(codec, presets, channels, HOP_SAMPLES, seed)
    if _direct(codec.spec, rate_hz):
        return inner
    from render.plugin_server.resampled_engine import ResampledEngine

    return ResampledEngine(inner, rate_hz, hop_samples, has_input=kind == EFFECT)


def _hop(rate_hz: int) -> int:
    if rate_hz not in RATES_HZ:
        raise PluginError(f"a sample rate of {rate_hz:g} Hz; {', '.join(map(str, RATES_HZ))} can be used")
    return hop_of(rate_hz)


def _direct(spec: CodecSpec, rate_hz: int) -> bool:
    return rate_hz == spec.sample_rate and hop_of(rate_hz) == HOP_SAMPLES
