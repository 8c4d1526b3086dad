"""Takes of a preset as sound: into a file, or to the default device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from plugin_backend.errors import DeviceError, OutputError
from plugin_backend.models.registry import load_codec
from plugin_backend.output_files import disk_error, make_folder, write_atomically
from presets.bank import Bank
from presets.lookup import check_model
from presets.preset import Preset
from render.engine.mixing import fade_curve
from render.instrument.take_pool import TakePool
from render.live.devices.device_list import require_live_extra
from render.wav.float_wav import float_file


def play_takes(
    name: str,
    banks: Sequence[Path],
    out: Path | None,
    takes: int,
    gap_s: float,
    texture_s: float,
    seed: int,
    model: str | None,
) -> None:
    """See ``pisada preset play --help``."""
    preset = Bank(banks)[name]
    if out is None:
        require_live_extra("sounddevice", "pisada preset play without a file")
    codec = load_codec(model or preset.header.codec)
    check_model(preset, codec)
    rate = codec.spec.sample_rate
    sounds = audio_of_takes(preset, TakePool([codec], seed), takes, round(texture_s * rate))
    whole = joined(list(sounds), round(gap_s * rate))
    if out is None:
        _to_device(whole, rate)
    else:
        _to_file(whole, rate, out)
    seconds = whole.shape[1] / rate
    click.echo(f"{out or 'the default device'}: {takes} takes of {preset.name}, {seconds:.2f} s", err=out is None)


def audio_of_takes(preset: Preset, takes: TakePool, count: int, texture_samples: int) -> Iterator[np.ndarray]:
    """Takes one after another, ``[channels, n]``, with the preset's own level, chain and fades."""
    for number in map(str, range(count)):
        if preset.header.kind == "hit":
            yield takes.take(preset, number)[None]
            continue
        pieces, left = takes.held(preset, number), texture_samples
        heard = []
        while left > 0:
            heard.append(next(pieces)[:, :left])
            left -= heard[-1].shape[1]
        sound = np.concatenate(heard, axis=1)
        fades = preset.header.fade_in_samples, preset.header.fade_out_samples
        yield sound * fade_curve(np.arange(sound.shape[1]), sound.shape[1], *fades).astype(np.float32)


def joined(sounds: list[np.ndarray], gap_samples: int) -> np.ndarray:
    """Sounds ``[channels, n]`` of one number of channels, with silence between."""
    gap = np.zeros((len(sounds[0]), gap_samples), np.float32)
    parts = [part for sound in sounds for part in (gap, sound)]
    return np.concatenate(parts[1:], axis=1)


def _to_file(sound: np.ndarray, rate_hz: int, out: Path) -> None:
    import soundfile

    with make_folder(out.parent):
        try:
            with write_atomically(out) as temporary, float_file(temporary, rate_hz, len(sound)) as file:
                file.write(sound.T)
        except OSError as problem:
            raise disk_error(problem, out.parent) from problem
        except (AssertionError, soundfile.LibsndfileError) as problem:  # soundfile asserts that all was written
            raise OutputError(f"{out.parent}: cannot write {out.name} ({problem})") from problem


def _to_device(sound: np.ndarray, rate_hz: int) -> None:
    import sounddevice

    try:
        sounddevice.play(sound.T, rate_hz, blocking=True)
    except sounddevice.PortAudioError as problem:
        raise DeviceError(f"the default output cannot be played: {problem}; give OUT.wav") from problem
