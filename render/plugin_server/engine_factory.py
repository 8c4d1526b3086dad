"""Engines by kind: what a plug-in instance plays at its host's rate, and how late it is."""

from __future__ import annotations

from math import gcd

from plugin_backend.codecs.base import Codec, CodecSpec
from plugin_backend.daw_plugin.parameters import EFFECT
from plugin_backend.daw_plugin.shared_memory import hop_of
from plugin_backend.errors import PluginError
from render.plugin_server.engine import Engine
from render.plugin_server.preset_slots import PresetPool

RATES_HZ = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
"""Of hosts; any other is refused."""

HOP_SAMPLES = 512
"""What engines are pushed at the codec's own rate."""


def engine_latency(kind: str, spec: CodecSpec, rate_hz: int) -> int:
    """``latency_samples``, at the host's rate, of the engine that :func:`make_engine` makes; no model is loaded.

    Raises:
        PluginError: another rate than ``RATES_HZ``.
    """
    hop = _hop(rate_hz)
    hears = kind == EFFECT
    own = spec.latency_samples + spec.hop_samples - gcd(spec.hop_samples, HOP_SAMPLES) if hears else 0
    if _direct(spec, rate_hz):
        return own
    from plugin_backend.dsp.resample import resampled_timing

    return resampled_timing(rate_hz, spec.sample_rate, hop, HOP_SAMPLES, own, hears).latency_samples


def make_engine(
    kind: str, codec: Codec, presets: PresetPool, rate_hz: int, channels: int, hop_samples: int, seed: int
) -> Engine:
    """A plug-in instance's engine, for one thread.

    Args:
        kind: ``effect`` or ``instrument``.
        presets: the bank's by number, one shelf for all engines of a process: ``Shelf(Bank(folder))``.
        hop_samples: :func:`plugin_backend.daw_plugin.shared_memory.hop_of` the rate.
        seed: what takes and variations follow from.

    Raises:
        PluginError: another rate than ``RATES_HZ``, another hop than the rate's, or a model that has no frames.
    """
    if hop_samples != _hop(rate_hz):
        raise PluginError(f"hops of {hop_samples} samples; at {rate_hz} Hz they have {_hop(rate_hz)}")
    if codec.spec.layout != "frames":
        raise PluginError(f"model '{codec.spec.name}': its layout is '{codec.spec.layout}', which cannot be streamed")
    if kind == EFFECT:
        from render.plugin_server.effect_engine import EffectEngine

        inner = EffectEngine(codec, presets, channels, HOP_SAMPLES)
    else:
        from render.plugin_server.instrument_engine import InstrumentEngine

        inner = InstrumentEngine(codec, presets, channels, HOP_SAMPLES, seed)
    if _direct(codec.spec, rate_hz):
        return inner
    from render.plugin_server.resampled_engine import ResampledEngine

    return ResampledEngine(inner, rate_hz, hop_samples, hears=kind == EFFECT)


def _hop(rate_hz: int) -> int:
    if rate_hz not in RATES_HZ:
        raise PluginError(f"a sample rate of {rate_hz:g} Hz; {', '.join(map(str, RATES_HZ))} can be used")
    return hop_of(rate_hz)


def _direct(spec: CodecSpec, rate_hz: int) -> bool:
    return rate_hz == spec.sample_rate and hop_of(rate_hz) == HOP_SAMPLES
