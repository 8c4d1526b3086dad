"""Play takes of a preset: into a file, or to the default device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

from plugin_backend.errors import DeviceError, OutputError
from plugin_backend.models.registry import load_codec
from plugin_backend.output_files import disk_error, make_folder, write_atomically
from presets.axes import needed_axes, shift_preset
from presets.bank import Bank
from presets.lookup import check_model
from presets.preset import Preset
from render.engine.mixing import fade_curve
from render.instrument.take_pool import TakeId, TakePool
from render.live.devices.device_list import require_live_extra
from render.wav.float_wav import float_file


@dataclass(frozen=True)
class PlayOptions:
    """Which takes are played.

    Attributes:
        takes: how many.
        gap_s: silence between them, in seconds.
        texture_s: length of each take of a texture, in seconds.
        seed: decides takes and variations.
        axes: axis → value, −3..3: the takes are moved so far.
        effort: how hard a hit is struck, 0..1; 1 is as recorded.
    """

    takes: int = 4
    gap_s: float = 0.3
    texture_s: float = 5.0
    seed: int = 0
    axes: dict[str, float] = field(default_factory=dict)
    effort: float = 1.0


def play_takes(name: str, banks: Sequence[Path], out: Path | None, model: str | None, options: PlayOptions) -> None:
    """Play takes of a preset; see ``pisada preset play --help``.

    Args:
        name: a preset of the banks, or a file.
        banks: where the name is looked up.
        out: a WAV file; ``None``: the default device.
        model: a codec's name or file; ``None``: the preset's.
        options: which takes.

    Raises:
        InputError: the preset or the model cannot be used.
        OutputError: the file cannot be written.
        DeviceError: the device cannot be played.
    """
    bank = Bank(banks)
    preset = bank[name]
    if options.axes:
        header = preset.header
        preset = shift_preset(preset, needed_axes(bank.axes(header.fingerprint), header.codec), options.axes)
    if out is None:
        require_live_extra("sounddevice", "pisada preset play without a file")
    codec = load_codec(model or preset.header.codec)
    check_model(preset, codec)
    rate = codec.spec.sample_rate
    sounds = audio_of_takes(preset, TakePool([codec], options.seed), options, rate)
    whole = joined(list(sounds), round(options.gap_s * rate))
    if out is None:
        _to_device(whole, rate)
    else:
        _to_file(whole, rate, out)
    seconds = whole.shape[1] / rate
    click.echo(
        f"{out or 'the default device'}: {options.takes} takes of {preset.name}, {seconds:.2f} s", err=out is None
    )


def audio_of_takes(preset: Preset, takes: TakePool, options: PlayOptions, rate_hz: int) -> Iterator[np.ndarray]:
    """Yield the takes of a preset as audio, with the preset's own level, effects and fades.

    Args:
        preset: of which the takes are.
        takes: decodes them.
        options: which takes.
        rate_hz: sample rate of the audio.

    Yields:
        ``[channels, n]`` float32.
    """
    for number in map(str, range(options.takes)):
        if preset.header.kind == "hit":
            yield takes.take(preset, TakeId(number, options.effort))[None]
            continue
        pieces, left = takes.texture(preset, number), round(options.texture_s * rate_hz)
        parts: list[np.ndarray] = []
        while left > 0:
            parts.append(next(pieces)[:, :left])
            left -= parts[-1].shape[1]
        sound = np.concatenate(parts, axis=1)
        fades = preset.header.fade_in_samples, preset.header.fade_out_samples
        yield sound * fade_curve(np.arange(sound.shape[1]), sound.shape[1], *fades).astype(np.float32)


def joined(sounds: list[np.ndarray], gap_samples: int) -> np.ndarray:
    """Join sounds ``[channels, n]`` of the same number of channels, with ``gap_samples`` of silence between them."""
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
        except (AssertionError, soundfile.LibsndfileError) as problem:  # soundfile asserts that everything was written
            raise OutputError(f"{out.parent}: cannot write {out.name} ({problem})") from problem


def _to_device(sound: np.ndarray, rate_hz: int) -> None:
    import sounddevice

    try:
        sounddevice.play(sound.T, rate_hz, blocking=True)
    except sounddevice.PortAudioError as problem:
        raise DeviceError(f"the default output cannot be played: {problem}; give OUT.wav") from problem
