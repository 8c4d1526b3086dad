"""Write clips: each cue's own audio with gain and pan, before its stem's effects, at its own time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from render.plan.plan import Event, Plan, stem_layout
from render.wav.metadata import FileMetadata
from render.wav.stem_samples import StemFile
from render.wav.stem_writer import StemWriter

BITS = 24


@dataclass(frozen=True)
class ClipOrder:
    """Where a render writes its clips. It is sent to the render processes.

    Attributes:
        folder: an empty folder; the caller renames or removes it.
        names: cue id → file name.
        metadata: metadata of the run.
    """

    folder: Path
    names: dict[str, str]
    metadata: FileMetadata


class ClipWriter:
    """Writes the clips of cues while they play. A file is open as long as its cue lasts.

    Args:
        order: folder and file names.
        plan: the whole plan.
    """

    def __init__(self, order: ClipOrder, plan: Plan):
        self._order, self._plan = order, plan
        self._layouts = {stem.name: stem_layout(stem) for stem in plan.stems}
        self._open: dict[str, tuple[StemWriter, int]] = {}

    def take(self, event: Event, audio: np.ndarray) -> None:
        """Write the next samples of a cue. They must come from its first sample to its last.

        Args:
            event: the cue.
            audio: ``[layout.front_channels, n]``.

        Raises:
            DiskFullError, OutputError: the samples could not be written.
        """
        if event.id not in self._open:
            self._open[event.id] = self._start(event), event.length_samples
        writer, left = self._open.pop(event.id)
        missing = writer.file.layout.channels - len(audio)
        writer.write(np.pad(audio, ((0, missing), (0, 0))))
        left -= audio.shape[1]
        if left:
            self._open[event.id] = writer, left
        else:
            with writer:
                pass

    def _start(self, event: Event) -> StemWriter:
        plan, metadata = self._plan, self._order.metadata
        file = StemFile(
            track=event.stem,
            description=f"{metadata.show} {metadata.scene} {event.stem} {event.id} {event.preset or event.source}",
            layout=self._layouts[event.stem],
            bits=BITS,
            sample_rate=plan.sample_rate,
            time_reference=plan.start_samples + event.start_samples,
            length_samples=event.length_samples,
            metadata=metadata,
            note=": ".join(filter(None, (event.id, event.note))),
        )
        return StemWriter(self._order.folder / self._order.names[event.id], file, metered=False)
