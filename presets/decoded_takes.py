"""Decode the takes of a preset without variation, to measure levels and attacks."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.modes.resonator_bank import ResonatorBank
from presets.finish_take import LowCut
from presets.preset import Preset

LEAD_SAMPLES = 48
"""Audible samples before the attack: 1 ms at 48 kHz. Everything that the model decodes before them is dropped."""


def decoded_takes(preset: Preset, codec: Codec, take: int) -> np.ndarray:
    """Decode a take: its mean latents, high-passed, plus its modes as captured. Skip, gains and fades are not applied.

    Args:
        preset: the preset.
        codec: model that made it.
        take: index of the take.

    Returns:
        ``[samples]`` float32, as long as its latents.
    """
    return finish_decoded(preset, take, codec.decode(preset.means[take][None])[0], codec.spec.sample_rate)


def finish_decoded(preset: Preset, take: int, decoded: np.ndarray, rate_hz: int) -> np.ndarray:
    """High-pass the decoded latents of a take, and add its modes as captured.

    Args:
        preset: the preset.
        take: index of the take.
        decoded: ``[samples]``, from the first frame of the take on.
        rate_hz: sample rate.

    Returns:
        ``[samples]`` float32.
    """
    audio = LowCut(preset.header.low_cut_hz, rate_hz, 1).push(decoded[None])
    if preset.header.kind == "hit" and preset.modes:
        audio = (audio + ResonatorBank(preset.modes_of(take), rate_hz).samples(0, audio.shape[1])).astype(np.float32)
    return audio[0]


def with_level(preset: Preset, codec: Codec, peak_db: float) -> Preset:
    """Return the preset with its gain set by the peak of its loudest take.

    Args:
        preset: the preset.
        codec: model that made it.
        peak_db: peak of the loudest take in dBFS.
    """
    peak = max(float(np.abs(decoded_takes(preset, codec, take)).max()) for take in range(len(preset.means)))
    gain_db = float(np.clip(peak_db - 20 * np.log10(max(peak, 1e-6)), -60, 24))
    header = msgspec.structs.replace(preset.header, gain_db=round(gain_db, 2))
    return dataclasses.replace(preset, header=header)
