"""Render any part of a plan, to hear it as it will be delivered.

The samples of a part are those of a complete render in 32-bit float, before pops. A stem without effects is mixed where
it is asked for. An effect remembers what came before, so a stem with effects is rendered from its beginning, once, as
far as it is asked for; its samples are kept in a file until one of its cues changes.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from plugin_backend.errors import CueSheetError
from render.engine.cue_audio import CueAudio
from render.engine.cue_cache import CueCache
from render.engine.cue_decoding import Stopwatch
from render.engine.mix_span import mix_span
from render.engine.stem_graph import BLOCK_SAMPLES
from render.engine.stream import OFFLINE_CHUNK_FRAMES, Block, stream
from render.plan.cache_key import cue_keys
from render.plan.plan import Event, Plan, stem_layout
from render.project.channel_layout import LAYOUTS, Layout, add_into, widest
from render.project.project import Stem

FOLD = np.sqrt(0.5)
LISTENING = LAYOUTS["stereo"]


class _StemWithEffects:
    """A stem that is rendered from its beginning as far as it is asked for. Its samples are kept in a file."""

    def __init__(self, plan: Plan, stem: Stem, path: Path):
        self.identity, self._path = _identity(plan, stem), path
        part = replace(plan, stems=(stem,), events=tuple(each for each in plan.events if each.stem == stem.name))
        self._blocks: Generator[Block, None, None] = stream(part, chunk_frames=OFFLINE_CHUNK_FRAMES)
        self._name, self._channels, self._done = stem.name, stem_layout(stem).channels, 0
        self._file = open(path, "w+b")  # noqa: SIM115 (closed in close)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return samples ``[channels, n]``; render up to ``stop`` first."""
        while self._done < stop:
            block = next(self._blocks).stems[self._name]
            self._file.seek(4 * self._channels * self._done)
            self._file.write(block.T.astype("<f4").tobytes())
            self._done += block.shape[1]
        self._file.seek(4 * self._channels * start)
        data = self._file.read(4 * self._channels * (stop - start))
        return np.frombuffer(data, "<f4").reshape(-1, self._channels).T

    def close(self) -> None:
        """End the render, and remove the file."""
        self._blocks.close()
        self._file.close()
        with suppress(OSError):
            self._path.unlink()


def _identity(plan: Plan, stem: Stem) -> tuple:
    """Return what decides the samples of a stem."""
    events = tuple(replace(event, row=None, note="", extra={}) for event in plan.events if event.stem == stem.name)
    return stem, repr(events), plan.length_samples


class RangeRenderer:
    """Renders parts of a plan. Only one thread renders at a time; others wait.

    Args:
        scratch: a folder for the samples of stems with effects.
        cache: decoded cues; ``None`` decodes each again.
    """

    def __init__(self, scratch: Path, cache: CueCache | None = None):
        self._scratch, self._cache = scratch, cache
        self._plan: Plan | None = None
        self._audio: CueAudio | None = None
        self._stems: dict[str, _StemWithEffects] = {}
        self._events: dict[str, list[Event]] = {}
        self._lock = threading.Lock()

    def set_plan(self, plan: Plan) -> None:
        """Take another plan. Stems with effects that are equal in both keep what was rendered of them."""
        with self._lock:
            if self._cache is not None:
                sounds = {cue: key.key for cue, key in cue_keys(plan).items()}
                plan = replace(plan, cache=self._cache.folder, sounds=sounds)
            self._plan, self._audio = plan, CueAudio(plan, OFFLINE_CHUNK_FRAMES, Stopwatch())
            self._events = {stem.name: [] for stem in plan.stems}
            for event in plan.events:
                self._events[event.stem].append(event)
            for stem in plan.stems:
                kept = self._stems.get(stem.name)
                if kept is not None and (not stem.effects or kept.identity != _identity(plan, stem)):
                    self._stems.pop(stem.name).close()

    @property
    def plan(self) -> Plan:
        """The plan.

        Raises:
            CueSheetError: there is none yet.
        """
        if self._plan is None:
            raise CueSheetError("there is nothing to hear yet")
        return self._plan

    def stems(self, start: int, stop: int, names: list[str] | None = None) -> dict[str, np.ndarray]:
        """Render a part of stems.

        Args:
            start: first sample, from the first sample of the files (of the head handle).
            stop: the sample after the last.
            names: stems; ``None``: all.

        Returns:
            Stem name → ``[channels, n]`` float32. What lies outside the programme is left out.
        """
        plan = self.plan
        start, stop = max(0, start), min(stop, plan.length_samples)
        with self._lock:
            chosen = [stem for stem in plan.stems if names is None or stem.name in names]
            return {stem.name: self._stem(plan, stem, start, max(start, stop)) for stem in chosen}

    def listening_mix(self, start: int, stop: int, names: list[str] | None = None) -> np.ndarray:
        """Return the sum of stems for two ears, ``[2, n]`` float32.

        In mono and stereo it is FOLEY of a 32-bit delivery, bit for bit. A centre and surrounds go to both sides at
        −3 dB, the LFE is left out (ITU-R BS.775).

        Args:
            start, stop, names: see :meth:`stems`.
        """
        plan = self.plan
        parts = self.stems(start, stop, names)
        layouts = {stem.name: stem_layout(stem) for stem in plan.stems}
        whole = widest([*layouts.values(), LISTENING])
        size = max((part.shape[1] for part in parts.values()), default=0)
        total = np.zeros((whole.channels, size), np.float64)
        for name, part in parts.items():
            add_into(total, whole, part, layouts[name])
        return _for_two_ears(total, whole).astype(np.float32)

    def cue(self, id: str) -> np.ndarray:
        """Return a cue alone, without the effects of its stem, as its clip holds it: ``[2, n]`` float32.

        Raises:
            CueSheetError: the plan has no such cue.
        """
        plan = self.plan
        event = next((event for event in plan.events if event.id == id), None)
        if event is None:
            raise CueSheetError(f"cue {id!r} makes no sound: it is muted, or something is wrong with it")
        stem = next(stem for stem in plan.stems if stem.name == event.stem)
        with self._lock:
            samples = self._mixed([event], stem, event.start_samples, event.end_samples)
        total = np.zeros((widest([stem_layout(stem), LISTENING]).channels, samples.shape[1]), np.float64)
        add_into(total, widest([stem_layout(stem), LISTENING]), samples, stem_layout(stem))
        return _for_two_ears(total, widest([stem_layout(stem), LISTENING])).astype(np.float32)

    def close(self) -> None:
        """End all renders and remove their files."""
        with self._lock:
            for stem in self._stems.values():
                stem.close()
            self._stems.clear()

    def _stem(self, plan: Plan, stem: Stem, start: int, stop: int) -> np.ndarray:
        if not stem.effects:
            return self._mixed(self._events[stem.name], stem, start, stop)
        if stem.name not in self._stems:
            self._stems[stem.name] = _StemWithEffects(plan, stem, self._scratch / f"{stem.name}.f32")
        try:
            return self._stems[stem.name].read(start, stop)
        except BaseException:
            self._stems.pop(stem.name).close()
            raise

    def _mixed(self, events: list[Event], stem: Stem, start: int, stop: int) -> np.ndarray:
        assert self._audio is not None
        first = start // BLOCK_SAMPLES * BLOCK_SAMPLES
        layout, gain = stem_layout(stem), 10 ** (stem.gain_db / 20)
        whole = slice(first, -(-stop // BLOCK_SAMPLES) * BLOCK_SAMPLES)
        blocks = [block for _, block in mix_span(events, gain, whole, layout, self._audio)]
        blocks = blocks or [np.zeros((layout.channels, 0), np.float32)]
        return np.concatenate(blocks, axis=1)[:, start - first : stop - first]


def _for_two_ears(total: np.ndarray, layout: Layout) -> np.ndarray:
    speakers = dict(zip(layout.speakers, total, strict=True))
    both = np.stack([speakers["L"], speakers["R"]])
    if "C" in speakers:
        both += FOLD * speakers["C"]
    if "Ls" in speakers:
        both += FOLD * np.stack([speakers["Ls"], speakers["Rs"]])
    return both
