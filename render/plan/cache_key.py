"""The key of a cue's decoded audio. Two cues with equal keys sound the same, in any reel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache

from plugin_backend.hashing import digest
from plugin_backend.models.registry import describe_codec
from plugin_backend.output_files import file_digest
from presets.bank import Bank
from presets.performance.draw import Draw
from presets.preset import sound_digest
from render.plan.plan import Plan

VERSION = 5
"""Must be raised whenever the same key would decode to other samples."""


@dataclass(frozen=True, slots=True)
class CueKey:
    """Everything that the decoded audio of a cue depends on. Position, gain, pan and fades are applied later.

    Attributes:
        codec: fingerprint of the model.
        preset: digest of the preset's sound; None without a preset.
        source: digest of the source file's bytes; None without a source.
        seed: the decoder's noise follows from it.
        draw: what decides the performance; None for a source.
        pitch_semitones, length_samples: as in the event.
        version: :data:`VERSION` when the key was made.
    """

    codec: str
    preset: str | None
    source: str | None
    seed: int
    draw: Draw | None
    pitch_semitones: float
    length_samples: int
    version: int = VERSION

    @property
    def key(self) -> str:
        """40 hex digits: the name of this audio in the cache."""
        return digest(asdict(self))


def cue_keys(plan: Plan) -> dict[str, CueKey]:
    """Return the key of every event in a plan, by cue id. Each preset, source and model is read once.

    Raises:
        AudioFileError: a source cannot be read.
    """
    bank = Bank(plan.bank)
    codec = cache(lambda name: describe_codec(name).fingerprint)
    preset = cache(lambda name: sound_digest(bank[name]))
    source = cache(file_digest)
    return {
        event.id: CueKey(
            codec=codec(event.codec),
            preset=preset(event.preset) if event.preset is not None else None,
            source=source(event.source) if event.source is not None else None,
            seed=event.seed,
            draw=event.draw,
            pitch_semitones=event.pitch_semitones,
            length_samples=event.length_samples,
        )
        for event in plan.events
    }
