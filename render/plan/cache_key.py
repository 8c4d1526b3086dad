"""What decides a cue's decoded sound: two cues of one recipe are one sound, whichever reel they are in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache

from plugin_backend.hashing import digest
from plugin_backend.models.registry import describe_codec
from plugin_backend.output_files import file_digest
from presets.bank import Bank
from presets.preset import sound_digest
from render.plan.plan import Plan

VERSION = 4
"""Raised whenever the same recipe would decode to other samples."""


@dataclass(frozen=True, slots=True)
class CueKey:
    """All that the decoded sound of a cue depends on; its place, level, pan and fades come after.

    Attributes:
        codec: fingerprint of the model.
        preset: digest of the preset's sound; None without one.
        source: digest of the source file's bytes; None without one.
        seed: what take, variation and the decoder's noise follow from.
        pitch_semitones, length_samples: as in the event.
    """

    codec: str
    preset: str | None
    source: str | None
    seed: int
    pitch_semitones: float
    length_samples: int
    version: int = VERSION

    @property
    def key(self) -> str:
        """Forty hex digits: the name of this sound in the cache."""
        return digest(asdict(self))


def cue_keys(plan: Plan) -> dict[str, CueKey]:
    """Cue id → recipe, of every event of a plan; each preset, source and codec is looked at once.

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
            pitch_semitones=event.pitch_semitones,
            length_samples=event.length_samples,
        )
        for event in plan.events
    }
