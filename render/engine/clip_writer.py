"""Per-cue clips: each cue's own sound after level and pan, before its stem's effects, at its own time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from render.plan.plan import Event, Plan
from render.project.channel_layout import LAYOUTS
from render.wav.metadata import FileMetadata
from render.wav.stem_samples import StemFile
from render.wav.stem_writer import StemWriter

BITS = 24


@dataclass(frozen=True)
class ClipOrder:
    """Where a render's clips go; crosses to the render processes.

    Attributes:
        folder: an empty folder; the caller renames or removes it.
        names: cue id → file name.
        slate: the run's.
    """

    folder: Path
    names: dict[str, str]
    slate: FileMetadata


class ClipWriter:
    """Writes the clips of some stems' cues as they sound; a file is open while its cue lasts.

    Args:
        order: where to, under what names.
        plan: the whole plan.
    """

    def __init__(self, order: ClipOrder, plan: Plan):
        self._order, self._plan = order, plan
        self._layouts = {stem.name: LAYOUTS[stem.layout] for stem in plan.stems}
        self._open: dict[str, tuple[StemWriter, int]] = {}

    def take(self, event: Event, sound: np.ndarray) -> None:
        """The next samples ``[layout.sounding, n]`` of a cue, from its first to its last.

        Raises:
            DiskFullError, OutputError: the samples could not be written.
        """
        writer, left = self._open.pop(event.id, None) or (self._start(event), event.length_samples)
        missing = writer.file.layout.channels - len(sound)
        writer.write(np.pad(sound, ((0, missing), (0, 0))))
        left -= sound.shape[1]
        if left:
            self._open[event.id] = writer, left
        else:
            with writer:
                pass

    def _start(self, event: Event) -> StemWriter:
        plan, slate = self._plan, self._order.slate
        file = StemFile(
            track=event.stem,
            description=f"{slate.show} {slate.scene} {event.stem} {event.id} {event.preset or event.source}",
            layout=self._layouts[event.stem],
            bits=BITS,
            sample_rate=plan.sample_rate,
            time_reference=plan.start_samples + event.start_samples,
            length_samples=event.length_samples,
            slate=slate,
            note=": ".join(filter(None, (event.id, event.note))),
        )
        return StemWriter(self._order.folder / self._order.names[event.id], file, metered=False)
