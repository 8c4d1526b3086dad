"""Routes of the pane Mix pad: choose → generate → audios → download, and the sound at a place of the pad."""

from __future__ import annotations

import io
import zipfile
from typing import Annotated, Literal

import msgspec
import numpy as np

from plugin_backend.errors import PresetError
from presets.store import path_of, save_preset
from studio.web.endpoints import Endpoint, File, Nothing
from studio.web.kept_sounds import Saved, Sound, keep_sound
from studio.web.library import OWN
from studio.web.mixture import GAP_S, MOST, STEPS, Chosen, check_choice, line_of, mixture, random_pair, take_of
from studio.web.sessions import Session
from studio.web.take_audio import wav_bytes

Method = Literal["linear", "spherical", "sum", "dominance"]
Weights = Annotated[list[Annotated[float, msgspec.Meta(ge=0, le=1)]], msgspec.Meta(min_length=2, max_length=MOST)]


class Choose(msgspec.Struct, frozen=True):
    """Choose what is mixed.

    Attributes:
        presets: keys of two to four presets; empty for a random pair.
        seed: decides the random pair.
    """

    presets: Annotated[list[str], msgspec.Meta(max_length=MOST)] = []
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0


class Choice(msgspec.Struct, frozen=True):
    """Keys of what is mixed."""

    presets: list[str]


class Generate(msgspec.Struct, frozen=True):
    """Generate the line between the first two presets.

    Attributes:
        steps: how many sounds, ends included.
        method: of mixing.
    """

    steps: Annotated[int, msgspec.Meta(ge=2, le=41)] = STEPS
    method: Method = "linear"


class Place(msgspec.Struct, frozen=True):
    """A place of the pad.

    Attributes:
        weights: one for each chosen preset; they need not sum to 1.
        method: of mixing.
        effort: 0..1.
        take: number of the take.
    """

    weights: Weights
    method: Method = "linear"
    effort: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    take: Annotated[int, msgspec.Meta(ge=0, le=511)] = 0


class Keep(msgspec.Struct, frozen=True):
    """Save the mixture at a place as a preset."""

    weights: Weights
    name: Annotated[str, msgspec.Meta(max_length=64)]
    method: Method = "linear"
    bank: str = OWN
    overwrite: bool = False


class Generated(msgspec.Struct, frozen=True):
    """The sounds of the line, each as a clip.

    Attributes:
        originals: the two presets.
        steps: from the first to the second.
        whole: all steps, one after another.
    """

    originals: list[Sound]
    steps: list[Sound]
    whole: Sound | None


def _chosen(session: Session) -> Chosen:
    with session.lock:
        return session.state.setdefault("mix", Chosen())


def show_choice(session: Session, request: Nothing) -> Choice:
    """Return what is mixed."""
    return Choice(list(_chosen(session).keys))


def choose(session: Session, request: Choose) -> Choice:
    """Choose two to four presets, or a random pair."""
    keys = tuple(request.presets) or random_pair(session.library, request.seed)
    check_choice(session.library, keys)
    with session.lock:
        session.state["mix"] = Chosen(keys)
        session.state.pop("audios", None)
    return Choice(list(keys))


def generate(session: Session, request: Generate) -> Generated:
    """Generate the steps between the first two presets."""
    chosen, library = _chosen(session), session.library
    steps = line_of(library, chosen, request.steps, request.method)
    presets = [library.preset(key) for key in chosen.keys[:2]]
    rate_hz = library.models.codec(presets[0]).spec.sample_rate
    originals = [take_of(library, preset, 0, 1.0)[0] for preset in presets]
    channels = max(len(step) for step in steps)
    gap = np.zeros((channels, round(GAP_S * rate_hz)), np.float32)
    whole = np.concatenate(
        [part for step in steps for part in (np.repeat(step, channels // len(step), 0), gap)], axis=1
    )
    titles = [f"{round(100 * at / (len(steps) - 1))} %" for at in range(len(steps))]
    made = Generated(
        [
            keep_sound(session, "mix", preset.name, audio, rate_hz)
            for preset, audio in zip(presets, originals, strict=True)
        ],
        [keep_sound(session, "mix", title, audio, rate_hz) for title, audio in zip(titles, steps, strict=True)],
        keep_sound(session, "mix", "All steps", whole, rate_hz),
    )
    names = [f"original-{number}-{preset.name}" for number, preset in enumerate(presets, 1)]
    names += [f"step-{number:02}" for number in range(len(steps))]
    session.state["audios"] = made, dict(zip([*names, "all-steps"], [*originals, *steps, whole], strict=True)), rate_hz
    return made


def audios(session: Session, request: Nothing) -> Generated:
    """Return the sounds that were generated last."""
    return session.state["audios"][0] if "audios" in session.state else Generated([], [], None)


def download(session: Session, request: Nothing) -> File:
    """Return the sounds that were generated last as WAV files in a zip."""
    if "audios" not in session.state:
        raise PresetError("nothing was generated yet")
    _, sounds, rate_hz = session.state["audios"]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, audio in sounds.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.wav"), wav_bytes(audio, rate_hz))
    return File(file.getvalue(), "application/zip", "mixtures.zip")


def sound_at(session: Session, request: Place) -> Sound:
    """Return the sound at a place of the pad."""
    preset = mixture(session.library, _chosen(session), request.weights, request.method)
    audio, rate_hz = take_of(session.library, preset, request.take, request.effort)
    shares = np.array(request.weights) / max(sum(request.weights), 1e-9)
    title = "balanced" if request.method == "dominance" else " + ".join(f"{100 * share:.0f} %" for share in shares)
    return keep_sound(session, "mix", title, audio, rate_hz)


def keep(session: Session, request: Keep) -> Saved:
    """Save the mixture at a place as a preset."""
    open_bank = session.library.writable_bank(request.bank)
    path_of(request.name, open_bank.folder)
    preset = mixture(session.library, _chosen(session), request.weights, request.method, request.name)
    save_preset(preset, open_bank.folder, request.overwrite)
    session.library.reload(request.bank)
    return Saved(f"{request.bank}/{request.name}")


ENDPOINTS = (
    Endpoint("GET", "/choose", show_choice, returns=Choice),
    Endpoint("POST", "/choose", choose, Choose, Choice),
    Endpoint("POST", "/generate", generate, Generate, Generated, slow=True),
    Endpoint("GET", "/audios", audios, returns=Generated),
    Endpoint("GET", "/download", download, returns=File),
    Endpoint("POST", "/mix/sound", sound_at, Place, Sound, slow=True),
    Endpoint("POST", "/mix/save", keep, Keep, Saved, slow=True),
)
