"""Routes of the pane Timeline: the sheet and its edits, sound, film and guide, suggestions, and renders."""

from __future__ import annotations

import base64
from fractions import Fraction
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from plugin_backend.cache_folder import cache_home
from plugin_backend.errors import InputError, SessionError
from plugin_backend.hit_detection import Sensitivity, detect_hits
from plugin_backend.waveform_peaks import FULL_SCALE, read_peaks
from render.project.timecode import round_half_up
from studio.web.endpoints import Done, Endpoint, File, Nothing
from studio.web.replies import problem_reply
from studio.web.sessions import Session
from studio.web.timeline import views
from studio.web.timeline.media import FILMS, GUIDES, SHEETS, listed
from studio.web.timeline.work import TimelineWork, close_timelines, timeline_of

FLOAT_SAMPLES = "application/x-float32"
WAVE_BINS = 400
TAKEN_S = 0.02


def show(session: Session, request: Nothing) -> views.TimelineView:
    """Return all that is drawn."""
    work = timeline_of(session)
    with work.lock:
        return _view(work)


def _view(work: TimelineWork) -> views.TimelineView:
    folder, is_open = work.project_folder, work.is_open
    project = work.sheet.project if is_open else work.project
    clock = work.sheet.clock if is_open else project.clock()
    rows = [views.row_view(row, work.sheet) for row in work.sheet.rows.values()] if is_open else []
    named = [stem.name for stem in project.stems]
    return views.TimelineView(
        document=work.number,
        documents=work.documents(),
        name=(work.sheet.name or "new sheet") if is_open else "",
        clock=views.clock_view(clock),
        end=project.length_samples(),
        rows=rows,
        stems=list(dict.fromkeys([*named, *(row.stem for row in rows)])),
        listening=work.sheet.stems if is_open else {},
        presets=work.presets(),
        characters=list(project.characters),
        undo=work.sheet.undo_label if is_open else "",
        redo=work.sheet.redo_label if is_open else "",
        revision=work.sheet.revision if is_open else 0,
        notes=[*work.sheet.remarks, *work.sheet.findings] if is_open else [],
        sheets=list(listed(folder, SHEETS)),
        films=list(listed(folder, FILMS)),
        guides=list(listed(folder, GUIDES)),
        film=work.media.film_view() if is_open else views.MediaView(),
        guide=work.media.guide_view() if is_open else views.MediaView(),
    )


def new(session: Session, request: Nothing) -> views.TimelineView:
    """Begin an empty sheet."""
    timeline_of(session).new()
    return show(session, request)


def open_sheet(session: Session, request: views.NamedFile) -> views.TimelineView:
    """Open a sheet of the project's folder."""
    timeline_of(session).open_from_project(request.name)
    return show(session, Nothing())


def reopen(session: Session, request: views.Numbered) -> views.TimelineView:
    """Open a sheet that was opened in this tab before."""
    timeline_of(session).reopen(request.document)
    return show(session, Nothing())


def upload_sheet(session: Session, request: views.NamedFile, path: Path) -> views.TimelineView:
    """Open an uploaded sheet of any format."""
    timeline_of(session).open_upload(request.name, path)
    return show(session, Nothing())


def edit(session: Session, request: views.EditRequest) -> views.ChangeView:
    """Make an edit; it is on disk before the reply."""
    work = timeline_of(session)
    with work.lock:
        return views.change_view(work.edit(request.edit), work.sheet)


def undo(session: Session, request: Nothing) -> views.ChangeView:
    """Take the last edit back."""
    work = timeline_of(session)
    with work.lock:
        return views.change_view(work.undo(), work.sheet)


def redo(session: Session, request: Nothing) -> views.ChangeView:
    """Do the edit again that was taken back last."""
    work = timeline_of(session)
    with work.lock:
        return views.change_view(work.redo(), work.sheet)


def details(session: Session, request: Nothing) -> views.DetailsView:
    """Return what follows from the rows: steps, lengths, findings."""
    work = timeline_of(session)
    planned = work.planned()
    expansion, plan = planned.expansion, planned.result.plan
    kinds = {cue.id: cue.becomes is not None for cue in (row.cue for row in list(work.sheet.rows.values()))}
    steps: dict[str, list[int]] = {}
    for cue in expansion.cues:
        owner = expansion.owner(cue)
        if kinds.get(owner):
            steps.setdefault(owner, []).append(cue.start_samples)
    events = plan.events if plan is not None else ()
    lengths = {event.id: event.length_samples for event in events if event.id in kinds}
    found = [views.FindingView(one.check, one.message, one.row or "", one.stops) for one in work.findings(planned)]
    end = max((event.end_samples - plan.head_samples for event in events), default=0) if plan is not None else 0
    return views.DetailsView(planned.key[1], steps, lengths, found, end, planned.result.is_whole)


def hear(session: Session, request: views.Part) -> File:
    """Return a part as it will be rendered: float32, left and right in turn, 48 kHz."""
    names = request.stems.split(",") if request.stems else None
    return _samples(timeline_of(session).hear(request.start, request.stop, names))


def hear_cue(session: Session, request: views.OfRow) -> File:
    """Return one cue as its clip holds it: float32, left and right in turn, 48 kHz."""
    return _samples(timeline_of(session).hear_cue(request.id))


def _samples(audio: np.ndarray) -> File:
    return File(audio.T.astype("<f4").tobytes(), FLOAT_SAMPLES)


def waves(session: Session, request: views.OfRows) -> views.Waves:
    """Return the waveforms of cues; rows without a sound of their own are left out."""
    work, found = timeline_of(session), {}
    for id in request.ids[:64]:
        try:
            audio = work.hear_cue(id)
        except InputError:
            continue
        step = max(1, -(-audio.shape[1] // WAVE_BINS))
        starts = np.arange(0, audio.shape[1], step)
        low, high = np.minimum.reduceat(audio.min(axis=0), starts), np.maximum.reduceat(audio.max(axis=0), starts)
        pairs = np.rint(np.clip(np.stack([low, high], axis=1), -1, 1) * FULL_SCALE)
        found[id] = views.Wave(0, step, _base64(pairs))
    return views.Waves(found)


def peaks(session: Session, request: views.PeaksRequest) -> views.Wave:
    """Return the peaks of the guide, or of a stem of the last render."""
    work = timeline_of(session)
    path = work.media.guide if request.of == "guide" else (work.job.stems() if work.job else {}).get(request.of)
    if path is None:
        raise InputError(f"there is no {request.of} to draw")
    found = read_peaks(path, cache_home()).slice(request.start, request.stop, request.bins)
    return views.Wave(found.start_samples, found.step_samples, _base64(found.pairs))


def _base64(pairs: np.ndarray) -> str:
    return base64.b64encode(pairs.astype("<i2").tobytes()).decode()


def choose_film(session: Session, request: views.NamedFile) -> views.MediaView:
    """Open a film of the project's folder."""
    media = timeline_of(session).media
    media.choose_film(request.name)
    return media.film_view()


def upload_film(session: Session, request: views.NamedFile, path: Path) -> views.MediaView:
    """Open an uploaded film."""
    media = timeline_of(session).media
    media.take_film(request.name, path)
    return media.film_view()


def place_film(session: Session, request: views.PlacedMedia) -> views.MediaView:
    """Set where the film begins."""
    media = timeline_of(session).media
    media.place_film(request.start)
    return media.film_view()


def choose_guide(session: Session, request: views.NamedFile) -> views.MediaView:
    """Open a guide of the project's folder."""
    work = timeline_of(session)
    work.media.choose_guide(request.name, work.sheet.clock)
    return work.media.guide_view()


def upload_guide(session: Session, request: views.NamedFile, path: Path) -> views.MediaView:
    """Open an uploaded guide."""
    work = timeline_of(session)
    work.media.take_guide(request.name, path, work.sheet.clock)
    return work.media.guide_view()


def place_guide(session: Session, request: views.PlacedMedia) -> views.MediaView:
    """Set where the guide begins."""
    media = timeline_of(session).media
    media.place_guide(request.start)
    return media.guide_view()


def spot(session: Session, request: views.SpotRequest) -> views.Suggestions:
    """Suggest cues at the hits of the guide."""
    work = timeline_of(session)
    guide, view = work.media.guide, work.media.guide_view()
    if guide is None:
        raise InputError("open a guide first: its hits become suggestions")
    rate_hz = work.sheet.clock.sample_rate
    hits = detect_hits(guide, Sensitivity(request.sensitivity, request.min_gap_ms))
    starts = sorted(row.cue.start_samples for row in work.sheet.rows.values())
    suggestions = []
    for hit in hits:
        start = view.start + round_half_up(Fraction(hit.onset_samples * rate_hz, view.rate_hz))
        near = np.searchsorted(starts, start - TAKEN_S * rate_hz)
        taken = near < len(starts) and starts[near] <= start + TAKEN_S * rate_hz
        reason = f"hit of the guide, peak {hit.peak_dbfs:.1f} dBFS"
        suggestions.append(views.Suggestion(start, max(0.001, round(hit.velocity, 3)), reason, bool(taken)))
    inside = [each for each in suggestions if each.start >= 0]
    early = len(suggestions) - len(inside)
    return views.Suggestions(inside, [f"{early} hits lie before the programme's start"] if early else [])


def render(session: Session, request: Nothing) -> views.RenderView:
    """Begin to render all stems, sessions and the report."""
    timeline_of(session).render()
    return rendered(session, request)


def rendered(session: Session, request: Nothing) -> views.RenderView:
    """Return the state of the last render."""
    job = timeline_of(session).job
    return job.view() if job is not None else views.RenderView("none")


def stop_render(session: Session, request: Nothing) -> Done:
    """Stop the render; it leaves no files."""
    job = timeline_of(session).job
    if job is not None:
        job.stop()
    return Done()


def write_sheet(session: Session, request: views.NamedFile) -> File:
    """Return the sheet as a file; the name is a suffix such as .csv."""
    data, name = timeline_of(session).written(request.name)
    return File(data, "application/octet-stream", name)


async def send_film(request: Request) -> Response:
    """Return the film, or the part that the page asks for."""
    try:
        film = timeline_of(request.app.state.sessions[request.path_params["session"]]).media.film
    except (SessionError, InputError) as problem:
        return problem_reply(problem)
    if film is None:
        return problem_reply(InputError("no film is open"))
    return FileResponse(film, media_type=FILMS[film.suffix.lower()])


async def send_rendered(request: Request) -> Response:
    """Return a file of the last render."""
    try:
        job = timeline_of(request.app.state.sessions[request.path_params["session"]]).job
    except SessionError as problem:
        return problem_reply(problem)
    files = job.files() if job is not None else {}
    if (name := request.path_params["name"]) not in files:
        return problem_reply(InputError(f"no rendered file {name[:64]!r}"))
    return FileResponse(files[name], filename=name)


ENDPOINTS = (
    Endpoint("GET", "/timeline", show, returns=views.TimelineView),
    Endpoint("POST", "/timeline/new", new, returns=views.TimelineView),
    Endpoint("POST", "/timeline/open", open_sheet, views.NamedFile, views.TimelineView, slow=True),
    Endpoint("POST", "/timeline/reopen", reopen, views.Numbered, views.TimelineView),
    Endpoint("PUT", "/timeline/sheet", upload_sheet, views.NamedFile, views.TimelineView, slow=True, upload=True),
    Endpoint("POST", "/timeline/edit", edit, views.EditRequest, views.ChangeView),
    Endpoint("POST", "/timeline/undo", undo, returns=views.ChangeView),
    Endpoint("POST", "/timeline/redo", redo, returns=views.ChangeView),
    Endpoint("GET", "/timeline/details", details, returns=views.DetailsView, slow=True),
    Endpoint("GET", "/timeline/hear", hear, views.Part, File, slow=True),
    Endpoint("GET", "/timeline/hear-cue", hear_cue, views.OfRow, File, slow=True),
    Endpoint("POST", "/timeline/waves", waves, views.OfRows, views.Waves, slow=True),
    Endpoint("GET", "/timeline/peaks", peaks, views.PeaksRequest, views.Wave, slow=True),
    Endpoint("POST", "/timeline/film", choose_film, views.NamedFile, views.MediaView),
    Endpoint("PUT", "/timeline/film", upload_film, views.NamedFile, views.MediaView, upload=True),
    Endpoint("POST", "/timeline/film-start", place_film, views.PlacedMedia, views.MediaView),
    Endpoint("POST", "/timeline/guide", choose_guide, views.NamedFile, views.MediaView),
    Endpoint("PUT", "/timeline/guide", upload_guide, views.NamedFile, views.MediaView, upload=True),
    Endpoint("POST", "/timeline/guide-start", place_guide, views.PlacedMedia, views.MediaView),
    Endpoint("POST", "/timeline/spot", spot, views.SpotRequest, views.Suggestions, slow=True),
    Endpoint("POST", "/timeline/render", render, returns=views.RenderView, slow=True),
    Endpoint("GET", "/timeline/render", rendered, returns=views.RenderView),
    Endpoint("DELETE", "/timeline/render", stop_render),
    Endpoint("GET", "/timeline/written", write_sheet, views.NamedFile, File),
)
FILES = (("/timeline/film/file", send_film), ("/timeline/files/{name}", send_rendered))
"""Files that may be too large for memory, and a film of which the browser asks for parts."""
close = close_timelines
"""Called at the end of the server."""
