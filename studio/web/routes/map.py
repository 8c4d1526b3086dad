"""Routes of the pane Map: the points, the sound at a place, and the sounds along a path."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
import numpy as np

from plugin_backend.errors import PresetError
from presets.store import path_of, save_preset
from studio.web.endpoints import Endpoint, File, Nothing
from studio.web.kept_sounds import Saved, Sound, keep_sound
from studio.web.library import OWN
from studio.web.mixture import take_of
from studio.web.routes.bank import WAV
from studio.web.sessions import Session
from studio.web.sound_map import PCA, Points, coordinates, points_of, preset_at, scale_names
from studio.web.take_audio import wav_bytes

MOST_PLACES = 32
Number = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
Position = tuple[Number, Number]


class Model(msgspec.Struct, frozen=True):
    """A model whose presets can be mapped."""

    fingerprint: str
    name: str
    points: int


class Models(msgspec.Struct, frozen=True):
    """The models of the banks."""

    models: list[Model]


class Placed(msgspec.Struct, frozen=True):
    """How the points are placed.

    Attributes:
        model: fingerprint.
        x, y: scales; the first two principal directions by default.
    """

    model: str
    x: Annotated[str, msgspec.Meta(max_length=64)] = PCA[0]
    y: Annotated[str, msgspec.Meta(max_length=64)] = PCA[1]


class Map(msgspec.Struct, frozen=True):
    """The points.

    Attributes:
        scales: what they can be placed by.
        x, y: the scales that are used.
        keys: key of each preset, in order.
        preset: for each point, the index of its preset in ``keys``.
        take: for each point, the number of its take.
        across, up: where each point lies.
    """

    scales: list[str]
    x: str
    y: str
    keys: list[str]
    preset: list[int]
    take: list[int]
    across: list[float]
    up: list[float]


class At(msgspec.Struct, frozen=True):
    """A place of the map."""

    model: str
    x: Annotated[str, msgspec.Meta(max_length=64)]
    y: Annotated[str, msgspec.Meta(max_length=64)]
    place: Position
    effort: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0


class Path(msgspec.Struct, frozen=True):
    """A path over the map.

    Attributes:
        model, x, y: as in :class:`At`.
        places: along the path, in order.
        every_s: seconds from one sound to the next.
    """

    model: str
    x: Annotated[str, msgspec.Meta(max_length=64)]
    y: Annotated[str, msgspec.Meta(max_length=64)]
    places: Annotated[list[Position], msgspec.Meta(min_length=1, max_length=MOST_PLACES)]
    every_s: Annotated[float, msgspec.Meta(ge=0.05, le=5)] = 0.4


class KeepAt(msgspec.Struct, frozen=True):
    """Save what lies at a place as a preset."""

    model: str
    x: Annotated[str, msgspec.Meta(max_length=64)]
    y: Annotated[str, msgspec.Meta(max_length=64)]
    place: Position
    name: Annotated[str, msgspec.Meta(max_length=64)]
    bank: str = OWN
    overwrite: bool = False


def list_models(session: Session, request: Nothing) -> Models:
    """List the models whose presets can be mapped."""
    library = session.library
    counts: dict[str, int] = {}
    names: dict[str, str] = {}
    for key in library.preset_keys():
        header = library.preset(key).header
        if library.models.spec(header.fingerprint) is not None:
            counts[header.fingerprint] = counts.get(header.fingerprint, 0) + len(header.takes)
            names[header.fingerprint] = header.codec
    return Models([Model(fingerprint, names[fingerprint], count) for fingerprint, count in counts.items()])


def _points(session: Session, model: str) -> Points:
    """Return the points of a model. They are kept until a preset is saved."""
    kept = session.state.setdefault("map", {})
    stamp = tuple(session.library.preset_keys())
    if kept.get(model, (None,))[0] != stamp:
        kept[model] = stamp, points_of(session.library, model)
    return kept[model][1]


def show_map(session: Session, request: Placed) -> Map:
    """Return the points of a model, placed by two scales."""
    points = _points(session, request.model)
    scales = scale_names(points)
    x, y = (
        scale if scale in scales or scale not in PCA else scales[min(number, len(scales) - 1)]
        for number, scale in enumerate((request.x, request.y))
    )
    keys = list(dict.fromkeys(points.keys))
    numbers = {key: number for number, key in enumerate(keys)}
    return Map(
        scales=scales,
        x=x,
        y=y,
        keys=keys,
        preset=[numbers[key] for key in points.keys],
        take=points.takes,
        across=np.round(coordinates(points, x), 4).tolist(),
        up=np.round(coordinates(points, y), 4).tolist(),
    )


def sound_at(session: Session, request: At) -> Sound:
    """Return the sound at a place of the map, decoded from the latents there."""
    points = _points(session, request.model)
    preset = preset_at(session.library, points, (request.x, request.y), request.place)
    audio, rate_hz = take_of(session.library, preset, 0, request.effort)
    return keep_sound(session, "map", f"near {preset.name}", audio, rate_hz)


def _along(session: Session, request: Path) -> tuple[np.ndarray, int]:
    points = _points(session, request.model)
    scales = request.x, request.y
    sounds = [
        take_of(session.library, preset_at(session.library, points, scales, place), 0, 1.0) for place in request.places
    ]
    rate_hz = sounds[0][1]
    step = round(request.every_s * rate_hz)
    length = max(number * step + audio.shape[1] for number, (audio, _) in enumerate(sounds))
    out = np.zeros((max(len(audio) for audio, _ in sounds), length), np.float32)
    for number, (audio, _) in enumerate(sounds):
        out[:, number * step : number * step + audio.shape[1]] += audio
    return out, rate_hz


def sounds_along(session: Session, request: Path) -> Sound:
    """Return the sounds along a path, one after another."""
    audio, rate_hz = _along(session, request)
    session.state["path"] = audio, rate_hz
    return keep_sound(session, "map", f"a path of {len(request.places)} sounds", audio, rate_hz)


def download_path(session: Session, request: Nothing) -> File:
    """Return the last path as a WAV file."""
    if "path" not in session.state:
        raise PresetError("no path was drawn yet")
    return File(wav_bytes(*session.state["path"]), WAV, "path.wav")


def keep_place(session: Session, request: KeepAt) -> Saved:
    """Save what lies at a place as a preset with one take."""
    open_bank = session.library.writable_bank(request.bank)
    path_of(request.name, open_bank.folder)
    points = _points(session, request.model)
    preset = preset_at(session.library, points, (request.x, request.y), request.place)
    header = msgspec.structs.replace(preset.header, name=request.name)
    save_preset(replace(preset, header=header), open_bank.folder, request.overwrite)
    session.library.reload(request.bank)
    return Saved(f"{request.bank}/{request.name}")


ENDPOINTS = (
    Endpoint("GET", "/map/models", list_models, returns=Models),
    Endpoint("GET", "/map", show_map, Placed, Map, slow=True),
    Endpoint("POST", "/map/sound", sound_at, At, Sound, slow=True),
    Endpoint("POST", "/map/path", sounds_along, Path, Sound, slow=True),
    Endpoint("GET", "/map/path.wav", download_path, returns=File, slow=True),
    Endpoint("POST", "/map/save", keep_place, KeepAt, Saved, slow=True),
)
