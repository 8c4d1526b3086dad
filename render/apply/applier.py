"""Recordings through a preset, one file out of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import OutputError, ProjectError
from plugin_backend.output_files import disk_error, make_folder, write_atomically
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.parallel_nodes import check_sample_rates
from plugin_backend.transfer.settings import HITS, Settings
from presets.lookup import check_model
from presets.preset import Preset
from render.apply.audio_blocks import open_recording
from render.apply.hits_mode import as_hit_layer, play_hits
from render.apply.preset_layers import Layer, as_transfer_layer, check_sums
from render.apply.transfer_mode import run_transfer
from render.cues.readers.sheet_rows import CONTROL
from render.wav.bext import timestamp
from render.wav.metadata import FileMetadata
from render.wav.quantize_dither import dither_of
from render.wav.stem_samples import StemFile
from render.wav.stem_writer import StemWriter

MOST_NAMED, LONGEST_PRESET_NAME = 128, 224
"""Characters of what is applied in a file's name, and bytes of it all: file systems allow 255, a temporary has more."""


@dataclass(frozen=True)
class Applied:
    """A file written.

    Attributes:
        hits: how many were struck, in mode ``hits``.
        outside: how many samples were above full scale; integers clip there, 32-bit float holds them.
        remarks: what is wrong with the recording.
    """

    path: Path
    hits: int | None
    outside: int
    remarks: tuple[str, ...]


class Applier:
    """A preset made ready for any number of recordings, alone or with others.

    Args:
        codec: the preset's.
        preset: what is applied.
        settings: how.
        to: what ``morph`` leads to.
        summed: presets of the same codec and their weights, summed with it before decoding.
        added: what is decoded beside it and added, or plays at its hits too.

    Attributes:
        name: of all that is applied, as in the files' names; of many, the first and how many more.
        told: the same with weights and levels, as in their descriptions.

    Raises:
        PresetError: a preset is of another model, or a texture in mode ``hits``.
        CheckpointError: codecs of different sample rates are added in mode ``transfer``.
        ProjectError: a second preset without ``morph``, or ``morph`` without one; sums in mode ``hits``, or of more
            presets than there are slots; a latent that is not there.
    """

    def __init__(
        self,
        codec: Codec,
        preset: Preset,
        settings: Settings,
        to: Preset | None = None,
        summed: Sequence[tuple[Preset, float]] = (),
        added: Sequence[Layer] = (),
    ):
        parts = [(preset.name, preset.name)]
        parts += [(own.name, f"{weight:g} x {own.name}") for own, weight in summed]
        parts += [(layer.preset.name, f"{layer.preset.name} at {layer.gain_db:g} dB") for layer in added]
        names, texts = zip(*parts, strict=True)
        self.name, self.told = "+".join(names), " + ".join(texts)
        if len(self.name) > MOST_NAMED:
            self.name = f"{names[0]}+{len(names) - 1}-more"
        self.settings = settings
        _check_pair(settings, to)
        layers = [Layer(codec, preset), *added]
        for layer in layers:
            check_model(layer.preset, layer.codec)
        mover = LatentMover(1, codec.spec.latent_dim, 1.0)
        settings.set_latents(mover)
        if settings.mode == HITS:
            if summed:
                raise ProjectError("hits are played, not moved: a sum cannot be used with them; add its preset instead")
            layers = [as_hit_layer(layer, mover if layer is layers[0] else None) for layer in layers]
        else:
            check_sample_rates([layer.codec.spec for layer in layers])
            check_sums(layers[0], to, summed)
        self._layers, self._to, self._summed = layers, to, summed

    @cached_property
    def layers(self) -> list[Layer]:
        """What is applied, with its targets; codecs that wait to be loaded are loaded for it."""
        if self.settings.mode == HITS:
            return self._layers
        return [as_transfer_layer(self._layers[0], self._to, self._summed), *map(as_transfer_layer, self._layers[1:])]

    def outputs(self, sources: list[Path], out: Path, overwrite: bool = False) -> dict[Path, Path]:
        """Recording → the file it becomes, ``NAME_PRESET.wav`` or ``NAME_PRESET+OTHER.wav``; each is looked at.

        Raises:
            OutputError: a file is there already, is another of the recordings, or would have too long a name; or two
                recordings would become one.
            AudioFileError: a recording cannot be used.
        """
        paths: dict[Path, Path] = {}
        for source in sources:
            open_recording(source)
            path = out / f"{CONTROL.sub('_', source.stem)}_{self.name}.wav"
            twin = next((other for other, its in paths.items() if its == path), None)
            if twin is not None:
                raise OutputError(f"{source}: {twin} becomes {path.name}, too; apply them into different folders")
            if len(os.fsencode(path.name)) > LONGEST_PRESET_NAME:
                raise OutputError(
                    f"{source}: with '_{self.name}' its name is over {LONGEST_PRESET_NAME} bytes; rename it"
                )
            there = os.path.exists(path)  # which, unlike Path's, a name no file can have does not trouble
            heard = there and any(path.samefile(other) for other in sources)
            if heard or (there and not overwrite):
                remedy = "" if heard else ", or --overwrite"
                raise OutputError(f"{path}: is there already; give another --out{remedy}")
            paths[source] = path
        return paths

    def apply(
        self,
        source: Path,
        path: Path,
        progress: Callable[[int], None] = lambda samples: None,
        overwrite: bool = True,
    ) -> Applied:
        """Apply it to a recording of any length.

        Held of it are blocks, and of each hour at 48 kHz 4.1 MB of notes for the file's loudness and clipping.

        Args:
            source: whatever libsndfile reads, 8 to 192 kHz, mono, stereo, lcr or 5.1.
            path: a Broadcast-WAV file of the same length, rate, channels and TimeReference; it appears when whole.
            progress: called with the samples just finished.
            overwrite: whether a file that is there by then is replaced.

        Raises:
            AudioFileError: the recording cannot be used.
            OutputError, DiskFullError: ``path`` cannot be written, or is there.
        """
        guide, layout = open_recording(source)
        bits, hits = self.settings.bits, None
        if self.settings.mode == HITS:
            blocks, hits = play_hits(guide, self.layers, self.settings)
        else:
            blocks = run_transfer(guide, self.layers, self.settings)
        file = StemFile(
            track=source.stem,
            description=f"{self.told} applied to {source.name}",
            layout=layout,
            bits=bits,
            sample_rate=guide.sample_rate,
            time_reference=timestamp(source) or 0,
            length_samples=guide.length_samples,
            slate=FileMetadata("", source.stem, "", "", 1, None, datetime.now().replace(microsecond=0)),
        )
        dither = dither_of(bits, self.name, self.settings.seed)
        with _appearing(path, overwrite) as temporary, StemWriter(temporary, file, dither) as writer:
            for block in blocks:
                writer.write(block)
                progress(block.shape[1])
        return Applied(path, hits, writer.trail.outside_samples, guide.remarks)


def _check_pair(settings: Settings, to: Preset | None) -> None:
    if (to is not None) != ("morph" in settings.controls):
        raise ProjectError("morph goes with a second preset: give both or neither")
    if to is None and "spherical" in settings.controls:
        raise ProjectError("spherical is a way to morph: give a second preset, too")


@contextmanager
def _appearing(path: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary file that becomes ``path``; folders made for it go again if it does not."""
    with make_folder(path.parent):
        try:
            with write_atomically(path, only_if_free=not overwrite) as temporary:
                yield temporary
        except OSError as problem:
            raise disk_error(problem, path.parent) from problem
