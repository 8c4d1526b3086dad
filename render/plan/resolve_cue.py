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
from render.cues.cue import NUMBERS
from render.plan.choose_draws import Performer
from render.plan.plan import Event, speed_of, velocity_gain
from render.project.project import Project

SOURCE_FADE_SAMPLES = 240

UNPITCHED_NOTE = 60
"""The MIDI note at which a sound keeps its pitch, if its model does not know its note."""


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
        CueSheetError: its source cannot be used, or its note is too far from its preset's.
    """
    preset, spec, codec_hz = performer.preset, performer.spec, performer.spec.sample_rate
    rate_hz = project.clock().sample_rate

    def at_rate(samples: int) -> int:
        return -(-samples * rate_hz // codec_hz)

    fade_in, fade_out, semitones = 0, SOURCE_FADE_SAMPLES, cue.pitch_semitones
    speed = 1.0 if spec.pitch_dim is not None else speed_of(semitones)
    if isinstance(draw, int):
        assert cue.source is not None
        try:
            sound_samples = inspect(cue.source).length_at(rate_hz)
        except AudioFileError as problem:
            raise CueSheetError(str(problem), file=sheet.path, row=cue.row, field="source") from problem
        length = _cue_length(cue, preset, sound_samples, speed)
    else:
        assert preset is not None
        performance = performance_of(preset, draw, spec)
        semitones += _note_semitones(cue, performance, spec, sheet)
        speed = 1.0 if spec.pitch_dim is not None else speed_of(semitones)
        sound_samples = at_rate(performance.length_samples)
        length = _cue_length(cue, preset, sound_samples, speed)
        ends = preset.header.kind == "hit" and length >= math.floor(sound_samples / speed)
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
        pitch_semitones=semitones,
        pitch_dim=spec.pitch_dim,
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


def _note_semitones(cue: Cue, performance: Performance, spec: CodecSpec, sheet: CueSheet) -> float:
    """Return by how many semitones a cue's MIDI note moves its preset.

    Args:
        cue: the cue.
        performance: what it performs.
        spec: of the model. A model of frames plays every note alike.
        sheet: where the cue is written.

    Raises:
        CueSheetError: more than the column of pitches allows.
    """
    if cue.midi_note is None or (spec.layout != "vector" and spec.pitch_dim is None):
        return 0.0
    own = UNPITCHED_NOTE if performance.note is None else performance.note
    semitones, allowed = cue.midi_note - own, NUMBERS["pitch_semitones"]
    if not allowed.low <= semitones <= allowed.high:
        problem = f"note {cue.midi_note} is {semitones:+.1f} semitones from its preset's note {own:.1f}"
        problem += f"; {allowed.low} to {allowed.high} can be played"
        raise CueSheetError(problem, file=sheet.path, row=cue.row, field="midi_note")
    return semitones


def _cue_length(cue: Cue, preset: Preset | None, sound_samples: int, speed: float) -> int:
    """Return how long a cue is audible.

    Args:
        cue: the cue.
        preset: its preset, or None.
        sound_samples: length of its source or take at its own pitch.
        speed: playback speed by its pitch.
    """
    texture = preset is not None and preset.header.kind == "texture" and cue.source is None
    duration = None if cue.gate and not texture else cue.duration_samples
    if texture and duration is not None:
        return duration
    return min(filter(None, (duration, math.ceil(sound_samples / Fraction(speed)))))
