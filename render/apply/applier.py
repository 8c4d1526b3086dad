"""Apply a preset to recordings; every recording gives one file."""

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
from plugin_backend.text import NOT_IN_CELL
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.parallel_nodes import check_sample_rates
from plugin_backend.transfer.settings import HITS, Settings
from presets.lookup import check_model
from presets.preset import Preset
from render.apply.audio_blocks import open_recording
from render.apply.hits_mode import as_hit_layer, play_hits
from render.apply.preset_layers import Layer, as_transfer_layer, check_sums
from render.apply.transfer_mode import run_transfer
from render.wav.bext import timestamp
from render.wav.metadata import FileMetadata
from render.wav.quantize_dither import dither_of
from render.wav.stem_samples import StemFile
from render.wav.stem_writer import StemWriter

LONGEST_PRESET_NAME, LONGEST_NAME_BYTES = 128, 224
"""Longest part of a file's name for the presets, in characters, and longest name, in bytes.

File systems allow 255 bytes; a temporary file's name is longer than the final one.
"""


@dataclass(frozen=True)
class Applied:
    """A written file.

    Attributes:
        path: the file.
        hits: number of detected hits, in mode ``hits``.
        samples_over: number of samples above full scale. Integer files clip there; 32-bit float keeps them.
        remarks: faults of the recording.
    """

    path: Path
    hits: int | None
    samples_over: int
    remarks: tuple[str, ...]


class Applier:
    """Applies a preset, alone or with others, to any number of recordings.

    Args:
        codec: the preset's codec.
        preset: the preset to apply.
        settings: mode, controls and latents.
        to: the preset that ``morph`` leads to.
        summed: presets of the same codec and their weights; their latents are summed with the preset's before decoding.
        added: presets decoded beside it and added; in mode ``hits`` they play at its hits too.

    Attributes:
        name: names of all applied presets, as in the files' names; of many, the first and the number of the others.
        description: the same with weights and levels, as in the files' descriptions.

    Raises:
        PresetError: a preset is of another model, or a texture in mode ``hits``.
        CheckpointError: codecs of different sample rates are added in mode ``transfer``.
        ProjectError: a second preset without ``morph``, or ``morph`` without one; sums in mode ``hits``, or of more
            presets than there are slots; a latent that does not exist.
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
        labels = [(preset.name, preset.name)]
        labels += [(own.name, f"{weight:g} x {own.name}") for own, weight in summed]
        labels += [(layer.preset.name, f"{layer.preset.name} at {layer.gain_db:g} dB") for layer in added]
        names, texts = zip(*labels, strict=True)
        self.name, self.description = "+".join(names), " + ".join(texts)
        if len(self.name) > LONGEST_PRESET_NAME:
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
        """Return the layers with their targets. Codecs that are not loaded yet are loaded."""
        if self.settings.mode == HITS:
            return self._layers
        return [as_transfer_layer(self._layers[0], self._to, self._summed), *map(as_transfer_layer, self._layers[1:])]

    def outputs(self, sources: list[Path], out: Path, overwrite: bool = False) -> dict[Path, Path]:
        """Return each recording's output file, ``NAME_PRESET.wav`` or ``NAME_PRESET+OTHER.wav``.

        Each recording is opened and checked.

        Args:
            sources: the recordings.
            out: the output folder.
            overwrite: whether existing files may be replaced.

        Raises:
            OutputError: a file exists already, is another of the recordings, or would have too long a name; or two
                recordings would become one file.
            AudioFileError: a recording cannot be used.
        """
        paths: dict[Path, Path] = {}
        for source in sources:
            open_recording(source)
            path = out / f"{NOT_IN_CELL.sub('_', source.stem)}_{self.name}.wav"
            twin = next((other for other, its in paths.items() if its == path), None)
            if twin is not None:
                raise OutputError(f"{source}: {twin} becomes {path.name} too; apply them into different folders")
            if len(os.fsencode(path.name)) > LONGEST_NAME_BYTES:
                raise OutputError(
                    f"{source}: with '_{self.name}' its name is over {LONGEST_NAME_BYTES} bytes; rename it"
                )
            exists = os.path.exists(path)  # unlike Path.exists, it accepts names that no file can have
            is_recording = exists and any(path.samefile(other) for other in sources)
            if is_recording or (exists and not overwrite):
                remedy = "" if is_recording else ", or --overwrite"
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
        """Apply the preset to a recording of any length.

        Only blocks of it are in memory, and for each hour at 48 kHz 4.1 MB of statistics for the file's loudness and
        clipping.

        Args:
            source: a file that libsndfile reads, 8 to 192 kHz, mono, stereo, lcr or 5.1.
            path: the Broadcast-WAV file to write, with the recording's length, rate, channels and TimeReference; it
                appears when it is complete.
            progress: called with the number of samples just finished.
            overwrite: whether a file that exists by then is replaced.

        Returns:
            The written file.

        Raises:
            AudioFileError: the recording cannot be used.
            OutputError, DiskFullError: ``path`` cannot be written, or exists.
        """
        recording, layout = open_recording(source)
        bits, hits = self.settings.bits, None
        if self.settings.mode == HITS:
            blocks, hits = play_hits(recording, self.layers, self.settings)
        else:
            blocks = run_transfer(recording, self.layers, self.settings)
        file = StemFile(
            track=source.stem,
            description=f"{self.description} applied to {source.name}",
            layout=layout,
            bits=bits,
            sample_rate=recording.sample_rate,
            time_reference=timestamp(source) or 0,
            length_samples=recording.length_samples,
            metadata=FileMetadata("", source.stem, "", "", 1, None, datetime.now().replace(microsecond=0)),
        )
        dither = dither_of(bits, self.name, self.settings.seed)
        with _complete_file(path, overwrite) as temporary, StemWriter(temporary, file, dither) as writer:
            for block in blocks:
                writer.write(block)
                progress(block.shape[1])
        return Applied(path, hits, writer.written.statistics.samples_over_full_scale, recording.remarks)


def _check_pair(settings: Settings, to: Preset | None) -> None:
    if (to is not None) != ("morph" in settings.controls):
        raise ProjectError("morph goes with a second preset: give both or neither")
    if to is None and "spherical" in settings.controls:
        raise ProjectError("spherical is a way to morph: give a second preset, too")


@contextmanager
def _complete_file(path: Path, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary file that becomes ``path`` on success. On failure, folders made for it are removed."""
    with make_folder(path.parent):
        try:
            with write_atomically(path, only_if_free=not overwrite) as temporary:
                yield temporary
        except OSError as problem:
            raise disk_error(problem, path.parent) from problem
