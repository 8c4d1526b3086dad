"""A map of sounds: each sound becomes a point of a plane, near to what it resembles in the latents of a model.

The same sounds give the same map, in whatever order they come: the computation sees each different sound once, sorted
by its numbers. Equal sounds have equal points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import inspect_mono_or_stereo, read_mono_blocks
from plugin_backend.codecs.base import Codec
from plugin_backend.corpus.notes.layout import is_note_folder, read_notes
from plugin_backend.corpus.scan import scan_folder
from plugin_backend.errors import AudioFileError, MissingExtraError, PresetError, ProjectError
from presets.bank import SHIPPED, Bank
from presets.hit_slicing import Slice, attack_samples
from presets.lookup import check_model
from presets.store import SUFFIX
from presets.whole_sounds import whole_sounds

PCA, TSNE, UMAP = "pca", "tsne", "umap"
LEAST_NEIGHBOURS, PERPLEXITY, NEIGHBOURS = 4, 30, 15
"""With fewer different sounds than this, every method is PCA: neighbourhoods of two or three mean nothing."""

LONGEST_S, HEARD_S = 10, 1.5
"""At most so much of a sound is encoded, and so much is kept to be heard."""

SEED = 0


@dataclass(frozen=True)
class MappedSound:
    """A sound before it has a place.

    Attributes:
        name: shown to the user.
        label: decides its colour.
        features: ``[k]``, the same k in a whole map.
        audio: what is heard, ``[samples]`` float32 at the model's rate.
    """

    name: str
    label: str
    features: np.ndarray
    audio: np.ndarray


def sounds_to_map(source: str, codec: Codec, say: Callable[[str], None] = lambda line: None) -> Iterator[MappedSound]:
    """Yield the takes of a bank, or the sounds of a folder.

    Args:
        source: a folder of presets or of sounds, or the word ``factory``.
        codec: the model.
        say: receives a line about each sound that is left out.

    Raises:
        AudioFileError: the folder cannot be read, or holds nothing that can be mapped.
        PresetError: a preset is of another model.
    """
    folder = Path(source)
    if source in SHIPPED or (folder.is_dir() and any(folder.glob(f"*{SUFFIX}"))):
        yield from _takes(Bank(source), codec)
        return
    found = 0
    for name, label, read in _files(folder, codec.spec.sample_rate):
        try:
            audio = read()
        except AudioFileError as problem:
            say(f"left out: {problem}")
            continue
        found += 1
        yield MappedSound(name, label, sound_features(audio, codec), _heard(audio, codec))
    if not found:
        raise AudioFileError(f"{folder}: holds no preset and no sound that can be mapped")


def _files(folder: Path, rate_hz: int) -> Iterator[tuple[str, str, Callable[[], np.ndarray]]]:
    """Yield name and label of each sound, and what reads it. Notes in the layout of NSynth have families as labels."""
    if is_note_folder(folder):
        for note in read_notes(folder):
            yield note.row.note_str, note.row.instrument_family_str, partial(note.read, rate_hz)
        return
    for file in scan_folder(folder).files:
        yield file.file, file.label, partial(_beginning, folder / file.file, rate_hz)


def _takes(bank: Bank, codec: Codec) -> Iterator[MappedSound]:
    for preset in bank:
        check_model(preset, codec)
        label = preset.header.material or next(iter(preset.header.tags), "") or preset.header.kind
        for take, latents in enumerate(preset.means):
            skip = preset.header.takes[take].skip_samples
            audio = codec.decode(latents[None])[0, skip:]
            yield MappedSound(f"{preset.name} {take + 1}", label, features_of(latents, codec), _heard(audio, codec))


def _beginning(path: Path, rate_hz: int) -> np.ndarray:
    inspect_mono_or_stereo(path)
    blocks, wanted = [], LONGEST_S * rate_hz
    for block in read_mono_blocks(path, rate_hz):
        blocks.append(block)
        wanted -= block.size
        if wanted <= 0:
            break
    return np.concatenate(blocks)[: LONGEST_S * rate_hz]


def _heard(audio: np.ndarray, codec: Codec) -> np.ndarray:
    return audio[: round(HEARD_S * codec.spec.sample_rate)]


def sound_features(audio: np.ndarray, codec: Codec) -> np.ndarray:
    """Return the features of a sound ``[samples]``, trimmed and aligned as a take of a preset is."""
    piece = Slice(audio, (attack_samples(audio),), 0)
    if codec.spec.layout == "vector":
        (piece,) = whole_sounds([piece], "hit", codec.spec)
    return features_of(codec.encode(piece.audio[None])[0], codec)


def features_of(latents: np.ndarray, codec: Codec) -> np.ndarray:
    """Return the features of latents ``[frames, dims]``: the vector itself, or mean and deviation over the frames."""
    values = latents.astype(np.float64)
    if codec.spec.layout == "vector":
        return values.mean(axis=0)
    return np.concatenate([values.mean(axis=0), values.std(axis=0)])


def place(features: np.ndarray, method: str = PCA) -> np.ndarray:
    """Return a place for each sound, ``[sounds, 2]``, within −1 … 1.

    Args:
        features: ``[sounds, k]``. They keep their scales: a latent that a model hardly uses counts little.
        method: ``pca``, ``tsne`` or ``umap``.

    Raises:
        ProjectError: there is no such method.
        PresetError: a feature is NaN or infinite.
        MissingExtraError: the method's package is not installed.
    """
    if method not in METHODS:
        raise ProjectError(f"no method '{method}'; give one of {', '.join(METHODS)}")
    values = np.asarray(features, np.float64)
    if not np.isfinite(values).all():
        raise PresetError("a sound's latents are NaN or infinite; it has no place on a map")
    if not len(values):
        return np.zeros((0, 2))
    different, which = np.unique(values.astype(np.float32), axis=0, return_inverse=True)
    centred = different - different.mean(axis=0, dtype=np.float64)
    start = _by_pca(centred)
    placed = start if len(different) < LEAST_NEIGHBOURS else METHODS[method](centred, start)
    placed = placed - (placed.max(axis=0) + placed.min(axis=0)) / 2
    return (placed / max(float(np.abs(placed).max()), 1e-12))[which.ravel()]


def _by_pca(centred: np.ndarray) -> np.ndarray:
    """Return the two main axes. The largest share of each axis is positive, so that no axis is flipped by chance."""
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, np.argsort(-values, kind="stable")[:2]]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])])
    return np.pad(centred @ axes, ((0, 0), (0, 2 - axes.shape[1])))


def _by_tsne(centred: np.ndarray, start: np.ndarray) -> np.ndarray:
    try:
        from openTSNE import TSNE
    except ImportError as problem:
        raise MissingExtraError("a map by t-SNE", "map") from problem
    perplexity = min(PERPLEXITY, (len(centred) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, initialization=_small(start), random_state=SEED, n_jobs=1)
    return np.asarray(tsne.fit(centred))


def _by_umap(centred: np.ndarray, start: np.ndarray) -> np.ndarray:
    try:
        from umap import UMAP as Umap
    except ImportError as problem:
        raise MissingExtraError("a map by UMAP", "map") from problem
    neighbours = min(NEIGHBOURS, len(centred) - 1)
    umap = Umap(n_neighbors=neighbours, init=10 * _small(start) / 1e-4, random_state=SEED, n_jobs=1)
    return np.asarray(umap.fit_transform(centred.astype(np.float32)), np.float64)


def _small(start: np.ndarray) -> np.ndarray:
    """Return first places of deviation 1e-4, as t-SNE begins."""
    return start / max(float(start[:, 0].std()), 1e-12) * 1e-4


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    PCA: lambda centred, start: start,
    TSNE: _by_tsne,
    UMAP: _by_umap,
}


def places_of(sounds: Sequence[MappedSound], method: str) -> np.ndarray:
    """Return a place for each sound, as :func:`place` does."""
    return place(np.stack([sound.features for sound in sounds]) if sounds else np.zeros((0, 1)), method)
