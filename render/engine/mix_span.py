"""Mix a part of a stem without effects. Its samples are those of a complete render."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from render.engine.cue_audio import CueAudio
from render.engine.mixing import StemMixer, Voice
from render.engine.stem_graph import BLOCK_SAMPLES
from render.plan.plan import Event
from render.project.channel_layout import Layout


def mix_span(
    events: Iterable[Event], gain: float, span: slice, layout: Layout, cue_audio: CueAudio
) -> Iterator[tuple[int, np.ndarray]]:
    """Mix the events of a stem, block by block as in a complete render.

    Args:
        events: of the stem, by start.
        gain: linear gain of the stem.
        span: first sample, and the one after the last; in whole blocks of 512.
        layout: of the stem.
        cue_audio: decodes the events.

    Yields:
        The position of a block, and its samples ``[channels, 512]``.
    """
    in_span = [event for event in events if event.start_samples < span.stop and span.start < event.end_samples]
    mixer = StemMixer(in_span, gain, lambda event: Voice(event, cue_audio.of(event), layout))
    for position in range(span.start, span.stop, BLOCK_SAMPLES):
        block = np.zeros((layout.channels, BLOCK_SAMPLES), np.float32)
        mixer.fill(position, block[: layout.front_channels])
        yield position, block
