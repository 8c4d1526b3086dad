"""Routes of the pane Instrument: its controls, history, sources, recordings, and the presets that it makes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from plugin_backend.audio_files import inspect_mono_or_stereo, read_mono
from plugin_backend.effects.parameters import CONTROLS as EFFECT_CONTROLS
from plugin_backend.errors import AudioFileError, ProjectError
from plugin_backend.output_files import write_atomically
from plugin_backend.parameters import Choice, Parameter
from plugin_backend.text import in_one_line
from presets.preset import RingControls
from presets.store import path_of, save_preset
from render.instrument.note_player import note_controls
from studio.web.clips import LONGEST_S
from studio.web.clips import RATE_HZ as CLIP_RATE_HZ
from studio.web.endpoints import Endpoint, File, Nothing
from studio.web.kept_sounds import Saved, Sound, keep_sound
from studio.web.library import OWN
from studio.web.recordings import numbers, read_recording, write_recording
from studio.web.routes.bank import WAV, OfPreset
from studio.web.sessions import Session
from studio.web.shaping import History, Patch, check_patch, shaped_preset, take_acts
from studio.web.sound.acts import RESTART, Act
from studio.web.sound.engine import CONTROLS, RATE_HZ, SoundEngine, render_acts, render_played
from studio.web.take_audio import wav_bytes

STATE, RECORDINGS = "instrument.json", "recordings"
NOTES, INPUT = ("morph", "smooth_ms"), ("mix", "gain_db", "strength", "blend", "follow", "follow_ms")


class Control(msgspec.Struct, frozen=True):
    """A control, as the page draws it. A ``default`` of null means that it may be left out."""

    name: str
    low: float
    high: float
    default: float | None
    unit: str
    doc: str
    choices: list[str] = []


class Controls(msgspec.Struct, frozen=True):
    """The controls for a preset.

    Attributes:
        axes: of its model, with the preset's own value as ``default`` 0.
        notes, modes, input: of notes, of their modes, and of a recording or the microphone.
        latents: how many latents its model has.
        latent: controls of each.
        effects: effect → its controls.
        has_modes: whether the preset has modes.
    """

    axes: list[Control]
    notes: list[Control]
    modes: list[Control]
    input: list[Control]
    latents: int
    latent: list[Control]
    effects: dict[str, list[Control]]
    has_modes: bool


class Shaped(msgspec.Struct, frozen=True):
    """The instrument, and whether it can be undone or redone."""

    patch: Patch
    can_undo: bool
    can_redo: bool


class Change(msgspec.Struct, frozen=True):
    """A new state of the instrument."""

    patch: Patch


class Save(msgspec.Struct, frozen=True):
    """Save the instrument as a preset.

    Attributes:
        name: of the preset.
        bank: label of a bank that can be written.
        overwrite: whether a preset of that name is replaced.
    """

    name: Annotated[str, msgspec.Meta(max_length=64)]
    bank: str = OWN
    overwrite: bool = False


class Render(msgspec.Struct, frozen=True):
    """Render takes of the instrument."""

    takes: Annotated[int, msgspec.Meta(ge=1, le=32)] = 4
    velocity: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0


class Named(msgspec.Struct, frozen=True):
    """A file that is sent, by its name on the person's machine. Only its text is used, for the list."""

    name: Annotated[str, msgspec.Meta(max_length=255)] = "recording"


class Recording(msgspec.Struct, frozen=True):
    """What was played and recorded.

    Attributes:
        number: from 1.
        seconds: length.
        acts: how many acts it holds.
    """

    number: int
    seconds: float
    acts: int


class Record(msgspec.Struct, frozen=True):
    """Begin or end a recording."""

    do: Literal["begin", "end"]


class OfRecording(msgspec.Struct, frozen=True):
    """A recording by its number."""

    number: Annotated[int, msgspec.Meta(ge=1)]


def _control(row: Parameter) -> Control:
    default = None if math.isnan(row.default) else row.default
    choices = list(row.names) if isinstance(row, Choice) else []
    return Control(row.name, row.low, row.high, default, row.unit, row.doc, choices)


def list_controls(session: Session, request: OfPreset) -> Controls:
    """Return the controls for a preset and its model."""
    preset = session.library.preset(request.key)
    axes = session.library.axes(preset.header.fingerprint)
    dims = preset.means[0].shape[1]
    ring = msgspec.structs.asdict(RingControls())
    latent = [row for row in note_controls(1, None).values() if row.name.startswith("latent.0.")]
    return Controls(
        axes=[_control(row) for row in (axes.controls.values() if axes else ())],
        notes=[_control(CONTROLS[name]) for name in NOTES],
        modes=[_control(CONTROLS[f"ring_{name}"]) for name in ring],
        input=[_control(CONTROLS[name]) for name in INPUT],
        latents=dims,
        latent=[_control(row) for row in latent],
        effects={name: [_control(row) for row in rows.values()] for name, rows in EFFECT_CONTROLS.items()},
        has_modes=any(len(rows) for rows in preset.modes),
    )


def _history(session: Session) -> History:
    with session.lock:
        if "instrument" not in session.state:
            session.state["instrument"] = History(_stored(session))
        return session.state["instrument"]


def _stored(session: Session) -> Patch:
    """Return the patch of an earlier run; a new one if there is none, or if a preset of it is gone."""
    file = session.folder / STATE
    if not file.is_file():
        return Patch()
    patch = msgspec.json.decode(file.read_bytes(), type=Patch)
    check_patch(session.library, patch)
    return patch


def _kept(session: Session) -> Shaped:
    history = _history(session)
    session.own_folder(".")
    with write_atomically(session.folder / STATE) as temporary:
        temporary.write_bytes(msgspec.json.encode(history.patch))
    return _shaped(session, Nothing())


def _shaped(session: Session, request: Nothing) -> Shaped:
    """Return the instrument."""
    history = _history(session)
    return Shaped(history.patch, history.can_undo, history.can_redo)


def change(session: Session, request: Change) -> Shaped:
    """Go to a new state of the instrument, and keep it on disk."""
    check_patch(session.library, request.patch)
    with session.lock:
        _history(session).add(request.patch)
        return _kept(session)


def undo(session: Session, request: Nothing) -> Shaped:
    """Go back to the state before."""
    with session.lock:
        _history(session).step(-1)
        return _kept(session)


def redo(session: Session, request: Nothing) -> Shaped:
    """Go forward to the state after."""
    with session.lock:
        _history(session).step(1)
        return _kept(session)


def save(session: Session, request: Save) -> Saved:
    """Save the instrument as a preset."""
    open_bank, patch = session.library.writable_bank(request.bank), _history(session).patch
    if not patch.preset:
        raise ProjectError("choose a preset first")
    path_of(request.name, open_bank.folder)
    preset = shaped_preset(session.library, patch, request.name)
    save_preset(preset, open_bank.folder, request.overwrite)
    session.library.reload(request.bank)
    return Saved(f"{request.bank}/{request.name}")


def render_takes(session: Session, request: Render) -> File:
    """Return takes of the instrument as a WAV file, as they sound."""
    patch = _history(session).patch
    if not patch.preset:
        raise ProjectError("choose a preset first")
    preset = session.library.preset(patch.preset)
    rate_hz = session.library.models.codec(preset).spec.sample_rate
    longest = max(take.length_samples for take in preset.header.takes) / rate_hz
    gap = round((min(longest, 8.0) + 0.3) * RATE_HZ)
    engine = SoundEngine(session.library, clips=session.clips.find)
    acts = take_acts(patch, request.takes, gap, request.velocity)
    audio = render_acts(session.library, acts, gap * request.takes, engine)
    return File(wav_bytes(audio, RATE_HZ), WAV, f"{preset.name}-shaped.wav")


def send_sound(session: Session, request: Named, path: Path) -> Sound:
    """Read a recording that the person sent, to play it through presets."""
    title = in_one_line(request.name)[:80]
    try:
        info = inspect_mono_or_stereo(path)
        if info.length_samples > LONGEST_S * info.rate_hz:
            raise ProjectError(
                f"{title}: {info.length_samples / info.rate_hz:.0f} s; at most {LONGEST_S:.0f} s can be used"
            )
        audio = read_mono(path, CLIP_RATE_HZ)[None]
    except AudioFileError as problem:
        raise AudioFileError(str(problem).replace(str(path), title)) from problem
    return keep_sound(session, "upload", title, audio, CLIP_RATE_HZ)


def record(session: Session, request: Record) -> Recording:
    """Begin a recording of what is played, or end it."""
    engine = session.engine
    if request.do == "begin":
        engine.start_log()
        for act in (Act("all", RESTART), *_history(session).patch.acts()):
            engine.act(act)
        return Recording(0, 0.0, 0)
    played = engine.end_log()
    if not played.length_samples or not played.acts:
        raise ProjectError("nothing was recorded: begin a recording first, and play")
    return _recording(session, write_recording(session.own_folder(RECORDINGS), played))


def _recording(session: Session, number: int) -> Recording:
    played = read_recording(session.folder / RECORDINGS, number)
    return Recording(number, played.length_samples / RATE_HZ, len(played.acts))


def list_recordings(session: Session, request: Nothing) -> list[Recording]:
    """List the recordings of this session."""
    return [_recording(session, number) for number in numbers(session.folder / RECORDINGS)]


def _rendered(session: Session, number: int) -> np.ndarray:
    played = read_recording(session.folder / RECORDINGS, number)
    return render_played(session.library, played, session.clips.find)


def render_recording(session: Session, request: OfRecording) -> File:
    """Render a recording again, sample by sample as it was heard."""
    audio = _rendered(session, request.number)
    return File(wav_bytes(audio, RATE_HZ), WAV, f"recording-{request.number}.wav")


def replay(session: Session, request: OfRecording) -> Sound:
    """Render a recording again as a clip, to hear it."""
    audio = _rendered(session, request.number)
    return keep_sound(session, "recording", f"Recording {request.number}", audio, RATE_HZ)


ENDPOINTS = (
    Endpoint("GET", "/instrument", _shaped, returns=Shaped),
    Endpoint("GET", "/instrument/controls", list_controls, OfPreset, Controls),
    Endpoint("POST", "/instrument", change, Change, Shaped),
    Endpoint("POST", "/instrument/undo", undo, returns=Shaped),
    Endpoint("POST", "/instrument/redo", redo, returns=Shaped),
    Endpoint("POST", "/instrument/save", save, Save, Saved, slow=True),
    Endpoint("GET", "/instrument/takes.wav", render_takes, Render, File, slow=True),
    Endpoint("PUT", "/instrument/sound", send_sound, Named, Sound, slow=True, upload=True),
    Endpoint("POST", "/instrument/record", record, Record, Recording),
    Endpoint("GET", "/instrument/recordings", list_recordings, returns=list[Recording]),
    Endpoint("GET", "/instrument/recording.wav", render_recording, OfRecording, File, slow=True),
    Endpoint("POST", "/instrument/replay", replay, OfRecording, Sound, slow=True),
)
