"""The folder an evaluation listens to, split into what a model saw and what it did not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from plugin_backend.corpus.scan import escape_name
from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import AudioFileError, CheckpointError
from plugin_backend.evaluation.data.leakage import seen_in_training
from plugin_backend.evaluation.data.read_folder import read_folder
from plugin_backend.models.registry import PCM, RAVE_SUFFIX, checkpoint_path
from plugin_backend.models.waveform_vae.checkpoint_header import read_training


@dataclass(frozen=True)
class HeldOut:
    """What a model's record says it was not trained on: whole sources, or single files of a folder.

    Attributes:
        copies: files that were dropped before training as the same recordings as those held out.
    """

    sources: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    copies: frozenset[str] = frozenset()

    def __contains__(self, sound: Sound) -> bool:
        return sound.source in self.sources or sound.file in self.files


class _Unseen(msgspec.Struct):
    """What of a model's record tells what it was not trained on; ``held_out_packages`` is how it once was told."""

    held_out_sources: list[str] | None = None
    held_out_packages: list[str] | None = None
    held_out_files: list[str] | None = None
    held_out_copies: list[str] | None = None


def held_out_of(model: str) -> HeldOut:
    """What a model's record says it was not trained on; nothing for the identity codec and imported RAVE models.

    Raises:
        CheckpointError: there is no such model, or it has no readable record.
    """
    if model == PCM or model.endswith(RAVE_SUFFIX):
        return HeldOut()
    path = checkpoint_path(model)
    try:
        told = msgspec.convert(read_training(path), _Unseen)
    except msgspec.ValidationError as problem:
        raise CheckpointError(f"{path.with_suffix('.json')}: 'training': {problem}") from problem
    sources = told.held_out_sources or told.held_out_packages or ()
    return HeldOut(frozenset(sources), frozenset(told.held_out_files or ()), frozenset(told.held_out_copies or ()))


@dataclass(frozen=True)
class EvaluationSet:
    """Sounds to judge with, sounds the probe may learn from, and what a person should know of both.

    Attributes:
        judged: the sounds every score is taken on.
        lessons: sounds that were not held out; empty if there are none.
        unseen: whether the model was, by its record, trained on none of ``judged``.
        remarks: one line for each thing left out, and for each that is judged and odd.

    Names, labels and sources are as ``shown``: what does not print in them is escaped.
    """

    judged: list[Sound]
    lessons: list[Sound]
    unseen: bool
    remarks: list[str]


def read_evaluation_set(folder: Path, sample_rate: int, held_out: HeldOut, everything: bool = False) -> EvaluationSet:
    """Read ``folder`` and choose what is judged.

    If it has sounds that were held out only these are judged, and the others are lessons for the probe;
    a held-out sound that is the same recording as one of the others is left out, for the model may have
    met it. Where the folder is the one trained on, what was dropped there for a held-out sound is left out
    instead. Otherwise, or with ``everything``, all sounds are judged.

    Raises:
        AudioFileError: the folder is missing, holds no usable sound, or its manifest cannot be used.
    """
    read = read_folder(folder, sample_rate)
    left_out = [f"{file}: {reason}" for file, reason in read.left_out]
    there = {sound.file for sound in read.sounds}
    copies = held_out.copies if held_out.files <= there and not everything else frozenset()
    sounds = [sound for sound in read.sounds if sound.file not in copies]
    left_out += [f"{file} is the same recording as one held out" for file in sorted(copies & there)]
    inside = [sound for sound in sounds if sound in held_out]
    outside = [sound for sound in sounds if sound not in held_out]
    judged, lessons, unseen = sounds, outside if inside else [], not outside
    if inside and not everything:
        met = seen_in_training(inside, outside, sample_rate)
        left_out += [f"{file} is the same recording as {other}, not held out" for file, other in met.items()]
        judged, lessons, unseen = [sound for sound in inside if sound.file not in met], outside, True
        if not judged:
            raise AudioFileError(
                f"{folder}: every held-out sound is the same recording as one not held out: train again on the folder "
                "as it is now, or judge all of it with --all"
            )
    odd = [f"{sound.file}: {read.remarks[sound.file]}" for sound in judged if sound.file in read.remarks]
    remarks = [f"left out: {escape_name(line)}" for line in left_out] + [f"kept: {escape_name(line)}" for line in odd]
    return EvaluationSet(*([_shown(sound) for sound in side] for side in (judged, lessons)), unseen, remarks)


def _shown(sound: Sound) -> Sound:
    return replace(sound, **{name: escape_name(getattr(sound, name)) for name in ("file", "label", "source")})
