"""Prepare a folder's files one after another: decode, normalise, find the band edge, cut, compare, write."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from plugin_backend.corpus.bandwidth import band_edge_hz
from plugin_backend.corpus.decode import decode_to_mono
from plugin_backend.corpus.duplicates import Fingerprint, KnownRecordings, make_fingerprint
from plugin_backend.corpus.normalize import normalize
from plugin_backend.corpus.scan import FoundFile, ScanResult
from plugin_backend.corpus.segmentation import cut_at_silences
from plugin_backend.corpus.temp_audio import FlatWriter, TempAudio
from plugin_backend.errors import AudioFileError

BETTER_EDGE = 1.1
"""The later of two copies of a recording is kept only if its band edge is this much higher."""

NEWS_S = 10.0


@dataclass
class IngestedCorpus:
    """Index records of the pieces by file, dropped files with reasons, and remarks on kept files.

    Attributes:
        copies: each file dropped as the same recording as another → the other file, which was kept.
    """

    pieces: dict[str, list[dict]] = field(default_factory=dict)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)

    def add_copy(self, file: str, kept: str) -> None:
        """Record that ``file`` is dropped for ``kept``. So are the copies of ``file``."""
        self.copies = {copy: kept if of == file else of for copy, of in self.copies.items()} | {file: kept}


def ingest_files(
    folder: Path, scanned: ScanResult, sample_rate: int, flat: Path, say: Callable[[str], None]
) -> IngestedCorpus:
    """Write the pieces of every usable recording to ``flat``. Memory use does not depend on a recording's length.

    Args:
        folder: the folder of recordings.
        scanned: its files.
        sample_rate: of the corpus, in Hz.
        flat: the file to write.
        say: receives progress messages.

    Returns:
        What was kept and what was dropped.
    """
    ingested, last_message_s = IngestedCorpus(dropped=list(scanned.dropped)), monotonic()
    with ExitStack() as opened:
        decoded, audio = (opened.enter_context(TempAudio(flat.parent)) for _ in range(2))
        known, writer = opened.enter_context(KnownRecordings(flat.parent)), opened.enter_context(FlatWriter(flat))
        for count, found_file in enumerate(scanned.files):
            if monotonic() - last_message_s > NEWS_S:
                say(f"{count} of {len(scanned.files)} files, {writer.size / sample_rate / 60:.1f} min kept")
                last_message_s = monotonic()
            try:
                remarks, edge_hz = _prepare(folder / found_file.file, decoded, audio, sample_rate)
                spans = cut_at_silences(audio, sample_rate)
                fingerprint = make_fingerprint(audio, spans[0][0], spans[-1][1], sample_rate)
                _compare(found_file, edge_hz, fingerprint, known, ingested)
            except AudioFileError as problem:
                ingested.dropped.append((found_file.file, str(problem)))
                continue
            known.add(found_file.file, fingerprint)
            ingested.pieces[found_file.file] = _write(found_file, edge_hz, spans, audio, writer)
            if remarks:
                ingested.remarks[found_file.file] = "; ".join(remarks)
    return ingested


def _prepare(path: Path, decoded: TempAudio, audio: TempAudio, sample_rate: int) -> tuple[list[str], float]:
    """Return remarks and the band edge in Hz, and fill ``audio`` with the file at ``sample_rate``."""
    info = decode_to_mono(path, decoded)
    remarks = [*info.remarks, *normalize(decoded, info.rate_hz, sample_rate, audio)]
    return remarks, min(band_edge_hz(decoded, info.rate_hz), sample_rate / 2)


def _compare(
    found_file: FoundFile, edge_hz: float, fingerprint: Fingerprint, known: KnownRecordings, ingested: IngestedCorpus
) -> None:
    """Refuse a duplicate, or drop the earlier copy if this one has a higher band edge.

    The pieces of a dropped earlier copy stay in the flat file, but are not listed.
    """
    same = known.same_as(fingerprint)
    if not same:
        return
    file, alike = same
    earlier_hz = ingested.pieces[file][0]["edge_hz"]
    if edge_hz > BETTER_EDGE * earlier_hz:
        known.forget(file)
        del ingested.pieces[file]
        ingested.remarks.pop(file, None)
        reach = f"which reaches {edge_hz / 1000:.1f} kHz instead of {earlier_hz / 1000:.1f}"
        ingested.dropped.append((file, f"the same recording as {found_file.file}, {reach}"))
        ingested.add_copy(file, found_file.file)
        return
    relation = "the same audio as" if alike == 1 else f"the same recording ({alike:.4f} correlated) as"
    ingested.add_copy(found_file.file, file)
    raise AudioFileError(f"{relation} {file}")


def _write(
    found_file: FoundFile, edge_hz: float, spans: list[tuple[int, int]], audio: TempAudio, writer: FlatWriter
) -> list:
    records = []
    for start, stop in spans:
        records.append(
            {
                "file": found_file.file,
                "label": found_file.label,
                "source": found_file.source,
                "edge_hz": edge_hz,
                "start_samples": start,
                "offset_samples": writer.size,
                "length_samples": stop - start,
            }
        )
        for block in audio.blocks(start, stop):
            writer.append(block)
    return records
