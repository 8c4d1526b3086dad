"""Takes of presets as whole sounds, for plots and downloads: the same that ``pisada preset play`` writes."""

from __future__ import annotations

import io
from collections import OrderedDict
from threading import Lock

import numpy as np
import soundfile

from presets.preset import sound_digest
from render.instrument.take_pool import TakePool
from studio.web.library import Library
from studio.web.plots import Plot, plot_of
from studio.workflows.preset_play import PlayOptions, audio_of_takes

PLOTTED_TEXTURE_S = 3.0
MOST_PLOTS = 2048

_plots: OrderedDict[str, Plot] = OrderedDict()
_lock = Lock()


def take_audio(library: Library, key: str, options: PlayOptions) -> tuple[np.ndarray, int]:
    """Return takes of a preset, one after another, and their rate in Hz.

    Args:
        library: the banks.
        key: of the preset.
        options: which takes.

    Returns:
        ``[channels, samples]`` float32, and the sample rate.

    Raises:
        PresetError, CheckpointError: the preset cannot be used.
    """
    preset = library.preset(key)
    codec = library.models.codec(preset)
    rate_hz = codec.spec.sample_rate
    sounds = list(audio_of_takes(preset, TakePool([codec], options.seed), options, rate_hz))
    gap = np.zeros((len(sounds[0]), round(options.gap_s * rate_hz)), np.float32)
    parts = [part for sound in sounds for part in (gap, sound)][1:]
    return np.concatenate(parts, axis=1), rate_hz


def preset_plot(library: Library, key: str) -> Plot:
    """Return the plot of a preset's first take. Plots are kept by the sound's digest, for all sessions.

    Raises:
        PresetError, CheckpointError: the preset cannot be used.
    """
    digest = sound_digest(library.preset(key))
    with _lock:
        if digest in _plots:
            return _plots[digest]
    plot = plot_of(*take_audio(library, key, PlayOptions(takes=1, texture_s=PLOTTED_TEXTURE_S)))
    with _lock:
        _plots[digest] = plot
        while len(_plots) > MOST_PLOTS:
            _plots.popitem(last=False)
    return plot


def wav_bytes(audio: np.ndarray, rate_hz: int) -> bytes:
    """Return a sound as a 32-bit float WAV file.

    Args:
        audio: ``[channels, samples]`` float32.
        rate_hz: sample rate.
    """
    file = io.BytesIO()
    soundfile.write(file, audio.T, rate_hz, subtype="FLOAT", format="WAV")
    return file.getvalue()
