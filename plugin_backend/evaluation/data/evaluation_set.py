"""The sounds of an evaluation, split into those a model was trained on and those it was not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from plugin_backend.corpus.scan import escape_name
from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import AudioFileError, CheckpointError
from plugin_backend.evaluation.data.leakage import seen_in_training
from plugin_backend.evaluation.data.read_folder import read_folder
from plugin_backend.models.registry import model_path, read_training
from plugin_backend.text import in_one_line


@dataclass(frozen=True)
class HeldOut:
    """What a model was not trained on, by its record: whole sources, or single files of a folder.

    Attributes:
        sources: the sources.
        files: the files.
        copies: files left out of training because they are the same recordings as held-out ones.
    """

    sources: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    copies: frozenset[str] = frozenset()

    def __contains__(self, sound: Sound) -> bool:
        return sound.source in self.sources or sound.file in self.files


class _HeldOutRecord(msgspec.Struct):
    """The entries of a model's record on held-out sounds. ``held_out_packages`` is the older name of the sources."""

    held_out_sources: list[str] | None = None
    held_out_packages: list[str] | None = None
    held_out_files: list[str] | None = None
    held_out_copies: list[str] | None = None


def held_out_of(model: str) -> HeldOut:
    """Return what a model was not trained on, by its record; nothing for ``pcm`` and imported RAVE models.

    Raises:
        CheckpointError: there is no such model, or it has no readable record.
    """
    try:
        record = msgspec.convert(read_training(model), _HeldOutRecord)
    except msgspec.ValidationError as problem:
        path = model_path(model).with_suffix(".json")
        raise CheckpointError(f"{path}: 'training': {in_one_line(problem)}") from problem
    sources = record.held_out_sources or record.held_out_packages or ()
    return HeldOut(frozenset(sources), frozenset(record.held_out_files or ()), frozenset(record.held_out_copies or ()))


@dataclass(frozen=True)
class EvaluationSet:
    """Sounds to score a model on, sounds to train the probe on, and remarks on both.

    Attributes:
        evaluated: the sounds that all scores are computed on.
        training: sounds that were not held out; empty if there are none.
        is_held_out: whether the model, by its record, was trained on none of ``evaluated``.
        remarks: one line for each sound left out, and for each unusual sound that is used.

    In names, labels and sources, characters that cannot be printed are escaped.
    """

    evaluated: list[Sound]
    training: list[Sound]
    is_held_out: bool
    remarks: list[str]


def read_evaluation_set(folder: Path, sample_rate: int, held_out: HeldOut, everything: bool = False) -> EvaluationSet:
    """Read ``folder`` and choose the sounds to score.

    If it has held-out sounds, only these are scored, and the others train the probe. A held-out sound that is the same
    recording as one of the others is left out, because the model may have been trained on it. If the folder is the one
    the model was trained on, the files left out there for a held-out sound are left out instead. Otherwise, or with
    ``everything``, all sounds are scored.

    Args:
        folder: with sounds.
        sample_rate: in Hz.
        held_out: what the model was not trained on.
        everything: score all sounds.

    Raises:
        AudioFileError: the folder is missing, has no usable sound, or its manifest cannot be used.
    """
    read = read_folder(folder, sample_rate)
    left_out = [f"{file}: {reason}" for file, reason in read.left_out]
    present = {sound.file for sound in read.sounds}
    copies = held_out.copies if held_out.files <= present and not everything else frozenset()
    sounds = [sound for sound in read.sounds if sound.file not in copies]
    left_out += [f"{file} is the same recording as one held out" for file in sorted(copies & present)]
    inside = [sound for sound in sounds if sound in held_out]
    outside = [sound for sound in sounds if sound not in held_out]
    evaluated, training, is_held_out = sounds, outside if inside else [], not outside
    if inside and not everything:
        same = seen_in_training(inside, outside, sample_rate)
        left_out += [f"{file} is the same recording as {other}, not held out" for file, other in same.items()]
        evaluated, training = [sound for sound in inside if sound.file not in same], outside
        is_held_out = True
        if not evaluated:
            raise AudioFileError(
                f"{folder}: every held-out sound is the same recording as one not held out: train again on the folder "
                "as it is now, or evaluate all of it with --all"
            )
    unusual = [f"{sound.file}: {read.remarks[sound.file]}" for sound in evaluated if sound.file in read.remarks]
    remarks = [f"left out: {escape_name(line)}" for line in left_out] + [
        f"kept: {escape_name(line)}" for line in unusual
    ]
    return EvaluationSet(list(map(_escaped, evaluated)), list(map(_escaped, training)), is_held_out, remarks)


def _escaped(sound: Sound) -> Sound:
    return replace(
        sound, file=escape_name(sound.file), label=escape_name(sound.label), source=escape_name(sound.source)
    )
