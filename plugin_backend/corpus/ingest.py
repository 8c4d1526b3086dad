"""Take in a folder's files one after another: decode, clean, find the band edge, cut, compare, write."""

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
"""Of two copies of a recording the later is kept only if it reaches this much higher."""

NEWS_S = 10.0


@dataclass
class IngestedCorpus:
    """Index records of the pieces by file, what was dropped and why, and remarks on what was kept.

    Attributes:
        copies: each file dropped as the same recording as another → that file, which was kept.
    """

    pieces: dict[str, list[dict]] = field(default_factory=dict)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)

    def copied(self, file: str, kept: str) -> None:
        """Note that ``file`` is dropped for ``kept``; so are the copies of ``file``."""
        self.copies = {copy: kept if of == file else of for copy, of in self.copies.items()} | {file: kept}


def ingest_files(
    folder: Path, scanned: ScanResult, sample_rate: int, flat: Path, say: Callable[[str], None]
) -> IngestedCorpus:
    """Write every usable recording's pieces to ``flat``; memory does not grow with a recording's length."""
    gathered, told = IngestedCorpus(dropped=list(scanned.dropped)), monotonic()
    with ExitStack() as opened:
        decoded, audio = (opened.enter_context(TempAudio(flat.parent)) for _ in range(2))
        known, writer = opened.enter_context(KnownRecordings(flat.parent)), opened.enter_context(FlatWriter(flat))
        for done, found in enumerate(scanned.files):
            if monotonic() - told > NEWS_S:
                say(f"{done} of {len(scanned.files)} files, {writer.size / sample_rate / 60:.1f} min kept")
                told = monotonic()
            try:
                remarks, edge_hz = _prepare(folder / found.file, decoded, audio, sample_rate)
                spans = cut_at_silences(audio, sample_rate)
                mark = make_fingerprint(audio, spans[0][0], spans[-1][1], sample_rate)
                _compare(found, edge_hz, mark, known, gathered)
            except AudioFileError as problem:
                gathered.dropped.append((found.file, str(problem)))
                continue
            known.add(found.file, mark)
            gathered.pieces[found.file] = _write(found, edge_hz, spans, audio, writer)
            if remarks:
                gathered.remarks[found.file] = "; ".join(remarks)
    return gathered


def _prepare(path: Path, decoded: TempAudio, audio: TempAudio, sample_rate: int) -> tuple[list[str], float]:
    """Remarks and band edge in Hz; ``audio`` then holds the file at ``sample_rate``."""
    told = decode_to_mono(path, decoded)
    remarks = [*told.remarks, *normalize(decoded, told.rate_hz, sample_rate, audio)]
    return remarks, min(band_edge_hz(decoded, told.rate_hz), sample_rate / 2)


def _compare(
    found: FoundFile, edge_hz: float, mark: Fingerprint, known: KnownRecordings, gathered: IngestedCorpus
) -> None:
    """Refuse a recording that is there already, or drop the earlier copy if this one reaches higher.

    The pieces of an earlier copy stay in the flat file, unlisted.
    """
    same = known.same_as(mark)
    if not same:
        return
    file, alike = same
    earlier_hz = gathered.pieces[file][0]["edge_hz"]
    if edge_hz > BETTER_EDGE * earlier_hz:
        known.forget(file)
        del gathered.pieces[file]
        gathered.remarks.pop(file, None)
        reach = f"which reaches {edge_hz / 1000:.1f} kHz instead of {earlier_hz / 1000:.1f}"
        gathered.dropped.append((file, f"the same recording as {found.file}, {reach}"))
        gathered.copied(file, found.file)
        return
    how = "the same audio as" if alike == 1 else f"the same recording ({alike:.4f} correlated) as"
    gathered.copied(found.file, file)
    raise AudioFileError(f"{how} {file}")


def _write(
    found: FoundFile, edge_hz: float, spans: list[tuple[int, int]], audio: TempAudio, writer: FlatWriter
) -> list:
    records = []
    for start, stop in spans:
        records.append(
            {
                "file": found.file,
                "label": found.label,
                "source": found.source,
                "edge_hz": edge_hz,
                "start_samples": start,
                "offset_samples": writer.size,
                "length_samples": stop - start,
            }
        )
        for block in audio.blocks(start, stop):
            writer.append(block)
    return records
