"""Spot a film: find events, choose presets, write the cue sheet and the page to review it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from plugin_backend.output_files import write_atomically
from presets.bank import Bank
from render.cues.cue import CueSheet
from render.cues.write import write_cues
from render.spotting.video.choose_presets import PresetChooser, RankedPreset
from render.spotting.video.events import Event
from render.spotting.video.events_to_cues import cues_of_events
from render.spotting.video.spot_film import SpottedFilm, spot_film
from studio.terminal.progress import progress_bar

PLAIN = {"step": "step-stone", "door opens": "door-open", "door closes": "door-close", "drop": "prop-glass"}
"""Presets of the factory bank for each kind of event, where nothing is chosen by the picture."""
ALTERNATIVES = 3
LONGEST_PLAYED_S = 3.0


@dataclass(frozen=True)
class SpotOptions:
    """What the user asked for.

    Attributes:
        fps: frame rate of the timecode; None: the film's own.
        start: timecode of the first frame; None: the film's own, or zero.
        least: events that are less sure become no cues, 0 to 1.
        by_picture: presets are also ranked by what the picture shows.
    """

    fps: str | None = None
    start: str | None = None
    least: float = 0.3
    by_picture: bool = False


def cues_from_video(film: Path, out: Path, step_preset: str, options: SpotOptions) -> None:
    """Write the cues of a film without choosing presets by its picture.

    Args:
        film: the film.
        out: the cue sheet.
        step_preset: preset of every footstep.
        options: what the user asked for.
    """
    presets = PLAIN | {"step": step_preset}
    spotted = _spot(film, options)
    sheet, _ = cues_of_events(
        film,
        spotted.events,
        spotted.clock,
        lambda event: [RankedPreset(presets[event.kind], 0.0, "the same for all")],
        options.least,
    )
    _write(sheet, out, spotted)


class PictureRanker:
    """Rank the presets of a bank for a picture, as ``pisada find --image`` does.

    Args:
        bank: the presets.

    Raises:
        MissingExtraError: the extra ``find`` is not installed.
    """

    def __init__(self, bank: Bank):
        from presets.find.finder import open_finder
        from presets.find.sources import BankSource

        self._finder = open_finder(BankSource(bank))

    def rank(self, picture: np.ndarray, bank: Bank) -> list[RankedPreset]:
        """Return the bank's presets, best first; see :class:`~render.spotting.video.choose_presets.PresetRanker`."""
        found = self._finder.by_picture([np.ascontiguousarray(picture)], len(bank.names))[0]
        return [RankedPreset(one.name, one.score, one.reason) for one in found]


def spot(film: Path, banks: list[str] | None, out: Path, review: Path | None, options: SpotOptions) -> None:
    """Write the cues of a film, each with a preset of the banks, and the page to review them.

    Args:
        film: the film.
        banks: folders of presets; None: the factory bank.
        out: the cue sheet.
        review: the page; None: no page.
        options: what the user asked for.
    """
    bank = Bank(banks)
    chooser = PresetChooser(bank, PictureRanker(bank) if options.by_picture else None)
    spotted = _spot(film, options)
    ranked: dict[Event, list[RankedPreset]] = {}

    def choose(event: Event) -> list[RankedPreset]:
        ranked[event] = chooser.choose(event, spotted.picture_of(event))
        return ranked[event]

    sheet, events = cues_of_events(film, spotted.events, spotted.clock, choose, options.least)
    _write(sheet, out, spotted)
    if review is not None:
        _write_review(review, sheet, [(event, ranked[event]) for event in events], spotted, bank)
        click.echo(review)


def _spot(film: Path, options: SpotOptions) -> SpottedFilm:
    with progress_bar() as bar:
        task = bar.add_task("spotting", total=None)
        return spot_film(
            film,
            options.fps,
            options.start,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _write(sheet: CueSheet, out: Path, spotted: SpottedFilm) -> None:
    clock = spotted.clock
    for remark in [*spotted.remarks, *sheet.remarks]:
        click.echo(f"note: {remark}", err=True)
    write_cues(sheet, out, clock)
    flags = f" with --fps {clock.frame_rate.name} --start-tc {clock.label_at(0)}"
    click.echo(f"{out}: {len(sheet.cues)} cues in {len(spotted.cuts) + 1} shots; render it{flags}")


def _write_review(
    path: Path,
    sheet: CueSheet,
    rows: list[tuple[Event, list[RankedPreset]]],
    spotted: SpottedFilm,
    bank: Bank,
) -> None:
    """Write the page that shows for each cue its picture, its reasons, its preset with alternatives, and players."""
    from markupsafe import Markup

    from plugin_backend.evaluation.report import html

    sounds = _sounds({one.preset for _, ranked in rows for one in ranked[:ALTERNATIVES]}, bank)
    cells = []
    for cue, (event, ranked) in zip(sheet.cues, rows, strict=True):
        picture = spotted.evidence.thumbnail(event.frame)
        data = base64.b64encode(picture).decode("ascii") if picture else ""
        shown = Markup('<img width="240" alt="frame {}" src="data:image/jpeg;base64,{}">').format(event.frame, data)
        who = f"{cue.character} {cue.foot or ''}".strip()
        names = ", ".join(one.preset for one in ranked[:ALTERNATIVES])
        cells.append([cue.id, str(spotted.clock.label_at(cue.start_samples)), shown, who, cue.note, names])
    body = [
        html.head(f"Cues of {spotted.path.name}"),
        html.listed([f"note: {remark}" for remark in [*spotted.remarks, *sheet.remarks]]),
        html.paragraph("Each note begins with the confidence, 0 to 1. The first preset of a row is in the cue sheet."),
        html.table(["cue", "timecode", "picture", "who", "why", "presets"], cells),
        html.heading("Presets"),
        *(html.players(name, {"one take": sound}, rate) for name, (sound, rate) in sounds.items()),
    ]
    with write_atomically(path) as temporary:
        temporary.write_text("\n".join(body), encoding="utf-8")


def _sounds(names: set[str], bank: Bank) -> dict[str, tuple[np.ndarray, int]]:
    """Return one take of each preset, with its sample rate."""
    from plugin_backend.models.registry import load_codec
    from render.instrument.take_pool import TakeId, TakePool

    sounds = {}
    for name in sorted(names):
        preset = bank[name]
        codec = load_codec(preset.header.codec)
        rate = codec.spec.sample_rate
        pool, most = TakePool([codec], 0), round(LONGEST_PLAYED_S * rate)
        audio = pool.take(preset, TakeId("0")) if preset.header.kind == "hit" else next(pool.texture(preset, "0"))[0]
        sounds[name] = (audio[:most], rate)
    return sounds
