"""Resolve one cue: its model, length, gain and fades."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

from plugin_backend.audio_files import AudioInfo
from plugin_backend.codecs.base import CodecSpec
from plugin_backend.errors import AudioFileError, CueSheetError
from plugin_backend.models.registry import PCM, describe_codec
from presets.lookup import model_of
from presets.performance.draw import Draw
from presets.performance.performance import Performance, performance_of
from presets.preset import Preset, check_fits
from render.cues import Cue, CueSheet
from render.plan.choose_draws import Performer
from render.plan.plan import Event, speed_of, velocity_gain
from render.project.project import Project

SOURCE_FADE_SAMPLES = 240


def resolve_cue(
    cue: Cue,
    sheet: CueSheet,
    project: Project,
    performer: Performer,
    draw: Draw | int,
    inspect: Callable[[Path], AudioInfo],
) -> Event:
    """Return the event of a cue.

    Args:
        cue: the cue.
        sheet: where it is written.
        project: gives the sample rate.
        performer: its preset and model.
        draw: how it performs its preset; of a cue with a source, its seed.
        inspect: reads the header of an audio file.

    Raises:
        CueSheetError: its source cannot be used.
    """
    preset, codec_hz = performer.preset, performer.spec.sample_rate
    rate_hz = project.clock().sample_rate

    def at_rate(samples: int) -> int:
        return -(-samples * rate_hz // codec_hz)

    fade_in, fade_out = 0, SOURCE_FADE_SAMPLES
    if isinstance(draw, int):
        assert cue.source is not None
        try:
            sound_samples = inspect(cue.source).length_at(rate_hz)
        except AudioFileError as problem:
            raise CueSheetError(str(problem), file=sheet.path, row=cue.row, field="source") from problem
        length = _cue_length(cue, preset, sound_samples)
    else:
        assert preset is not None
        performance = performance_of(preset, draw, performer.spec)
        sound_samples = at_rate(performance.length_samples)
        length = _cue_length(cue, preset, sound_samples)
        ends = preset.header.kind == "hit" and length >= math.floor(sound_samples / speed_of(cue.pitch_semitones))
        fade_in, fade_out = at_rate(performance.fade_in_samples), at_rate(_fade_out(performance, preset, ends))
    preset_gain_db = preset.header.gain_db if preset is not None else 0.0
    return Event(
        id=cue.id,
        note=cue.note,
        extra=cue.extra,
        sheet=sheet.path,
        row=cue.row,
        stem=cue.stem,
        start_samples=cue.start_samples,
        length_samples=length,
        preset=cue.preset,
        source=cue.source,
        codec=performer.codec,
        seed=draw if isinstance(draw, int) else draw.seed,
        draw=None if isinstance(draw, int) else draw,
        gain=10 ** ((cue.gain_db + preset_gain_db) / 20) * velocity_gain(cue.velocity),
        pan=cue.pan,
        pitch_semitones=cue.pitch_semitones,
        fade_in_samples=fade_in,
        fade_out_samples=fade_out,
    )


def _fade_out(performance: Performance, preset: Preset, ends: bool) -> int:
    """Return the fade at the end of a cue, in samples at the codec's rate.

    A take's own fade belongs to the end of the take. A cue that ends earlier has the preset's fade.

    Args:
        performance: what it performs.
        preset: its preset.
        ends: whether the cue lasts until the take's end.
    """
    fade_out = performance.fade_out_samples
    return fade_out if ends else min(fade_out, preset.header.fade_out_samples)


def codec_for(preset: Preset, specs: Mapping[str, CodecSpec]) -> str:
    """Return the name of the model that made a preset."""
    if preset.header.codec == PCM:
        check_fits(preset, describe_codec(PCM))
        return PCM
    return model_of(preset, specs)


def _cue_length(cue: Cue, preset: Preset | None, sound_samples: int) -> int:
    """Return how long a cue is audible; ``sound_samples`` is the length of its source or take at its own pitch."""
    texture = preset is not None and preset.header.kind == "texture" and cue.source is None
    duration = None if cue.gate and not texture else cue.duration_samples
    if texture and duration is not None:
        return duration
    return min(filter(None, (duration, math.ceil(sound_samples / Fraction(speed_of(cue.pitch_semitones))))))
