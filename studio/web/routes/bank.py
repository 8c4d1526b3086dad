"""Routes of the pane Bank: the presets, their plots, and their takes as files."""

from __future__ import annotations

from typing import Annotated

import msgspec

from plugin_backend.errors import PresetError
from studio.web.endpoints import Endpoint, File, Nothing
from studio.web.plots import Plot
from studio.web.sessions import Session
from studio.web.take_audio import preset_plot, take_audio, wav_bytes
from studio.workflows.preset_play import PlayOptions

WAV = "audio/wav"
MOST_FOUND = 12


class PresetRow(msgspec.Struct, frozen=True):
    """A preset, as the page lists it.

    Attributes:
        key: ``BANK/NAME``.
        name: of the preset.
        bank: label of its bank.
        kind: ``hit`` or ``texture``.
        model: name of its model.
        usable: whether the studio has the model.
        takes: how many.
        seconds: length of its longest take.
        tags, material, description, credit, licence: as in its header.
    """

    key: str
    name: str
    bank: str
    kind: str
    model: str
    usable: bool
    takes: int
    seconds: float
    tags: list[str]
    material: str
    description: str
    credit: str
    licence: str


class Bank(msgspec.Struct, frozen=True):
    """A bank, as the page lists it."""

    label: str
    writable: bool


class Listing(msgspec.Struct, frozen=True):
    """All presets.

    Attributes:
        banks: in order.
        presets: in order of banks, then of names.
        problems: one line for each preset that cannot be read.
    """

    banks: list[Bank]
    presets: list[PresetRow]
    problems: list[str]


class OfPreset(msgspec.Struct, frozen=True):
    """A preset by its key."""

    key: Annotated[str, msgspec.Meta(max_length=256)]


class Takes(msgspec.Struct, frozen=True):
    """Takes of a preset.

    Attributes:
        key: of the preset.
        takes: how many.
        effort: 0..1.
        seconds: length of each take of a texture.
    """

    key: Annotated[str, msgspec.Meta(max_length=256)]
    takes: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    effort: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seconds: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 5.0


def list_presets(session: Session, request: Nothing) -> Listing:
    """List the presets of all banks."""
    library = session.library
    rows, problems = [], []
    for key in library.preset_keys():
        try:
            rows.append(_row(session, key))
        except PresetError as problem:
            problems.append(str(problem))
    return Listing(
        [Bank(open_bank.label, open_bank.writable) for open_bank in library.open_banks.values()], rows, problems
    )


def _row(session: Session, key: str) -> PresetRow:
    header, bank = session.library.preset(key).header, key.partition("/")[0]
    spec = session.library.models.spec(header.fingerprint)
    rate_hz = spec.sample_rate if spec is not None else 48_000
    return PresetRow(
        key=key,
        name=header.name,
        bank=bank,
        kind=header.kind,
        model=header.codec,
        usable=spec is not None,
        takes=len(header.takes),
        seconds=round(max(take.length_samples for take in header.takes) / rate_hz, 2),
        tags=header.tags,
        material=header.material,
        description=header.description,
        credit=header.credit,
        licence=header.licence,
    )


def draw_preset(session: Session, request: OfPreset) -> Plot:
    """Return the waveform and the spectrogram of a preset's first take."""
    return preset_plot(session.library, request.key)


def download_takes(session: Session, request: Takes) -> File:
    """Return takes of a preset as a WAV file."""
    options = PlayOptions(takes=request.takes, effort=request.effort, texture_s=request.seconds)
    audio, rate_hz = take_audio(session.library, request.key, options)
    return File(wav_bytes(audio, rate_hz), WAV, f"{session.library.preset(request.key).name}.wav")


class Words(msgspec.Struct, frozen=True):
    """What is searched for, in words."""

    words: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Near(msgspec.Struct, frozen=True):
    """A preset that was found: its key, how near it is (higher is nearer), and why."""

    key: str
    score: float
    reason: str


class Found(msgspec.Struct, frozen=True):
    """The nearest presets, nearest first."""

    presets: list[Near]


def find(session: Session, request: Words) -> Found:
    """Find presets by what words mean, as `pisada find` does."""
    from plugin_backend.evaluation.joint_spaces.base import open_space
    from presets.find.finder import index_file, open_finder
    from presets.find.sources import BankSource

    near = []
    for label, bank in session.library.banks.items():
        source, space = BankSource(bank), open_space()
        finder = open_finder(source, space, kept=index_file(source, space))
        (found,) = finder.by_words([request.words], MOST_FOUND)
        near += [Near(f"{label}/{one.name}", one.score, one.reason) for one in found]
    return Found(sorted(near, key=lambda one: -one.score)[:MOST_FOUND])


ENDPOINTS = (
    Endpoint("GET", "/bank/presets", list_presets, returns=Listing),
    Endpoint("GET", "/bank/find", find, Words, Found, slow=True),
    Endpoint("GET", "/bank/plot", draw_preset, OfPreset, Plot, later=True),
    Endpoint("GET", "/bank/takes.wav", download_takes, Takes, File, slow=True),
)
