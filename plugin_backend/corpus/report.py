"""Report what a corpus holds and what was left out of it, as plain data for JSON and for tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection

EDGES_HZ = {"<8 kHz": 8_000.0, "<12 kHz": 12_000.0, "<16 kHz": 16_000.0, "full": float("inf")}
"""Classes of band edges. A recording belongs to the first whose limit lies above its band edge."""


def make_report(
    pieces: list[dict],
    sample_rate: int,
    dropped: list[tuple[str, str]],
    remarks: list[tuple[str, str]],
    ignored: int,
    copies: dict[str, str],
) -> dict:
    """Return files, pieces and minutes in total, by label, source and band edge, and a line for every odd file.

    Args:
        pieces: the pieces of the index.
        sample_rate: in Hz.
        dropped: files and reasons.
        remarks: files and remarks.
        ignored: number of files that are not audio.
        copies: dropped file → the file that holds the same recording.
    """
    return {
        "sample_rate": sample_rate,
        **_count(pieces, sample_rate),
        "dropped_files": len(dropped),
        "ignored_files": ignored,
        "by_label": _grouped(pieces, sample_rate, lambda piece: piece["label"]),
        "by_source": _grouped(pieces, sample_rate, lambda piece: piece["source"]),
        "by_band_edge": _grouped(pieces, sample_rate, lambda piece: band_edge_class(piece["edge_hz"]), list(EDGES_HZ)),
        "dropped": [
            {"file": file, "reason": reason} | ({"same_as": copies[file]} if file in copies else {})
            for file, reason in sorted(dropped)
        ],
        "remarks": [{"file": file, "remark": remark} for file, remark in sorted(remarks)],
    }


def find_copies(files: Collection[str], report: dict) -> list[str]:
    """Return the files of a corpus that were dropped as copies of one of ``files``, by its report."""
    return sorted(entry["file"] for entry in report["dropped"] if entry.get("same_as") in files)


def band_edge_class(edge_hz: float) -> str:
    """Return the key of ``EDGES_HZ`` for a band edge."""
    return next(name for name, limit_hz in EDGES_HZ.items() if edge_hz < limit_hz)


def _grouped(
    pieces: list[dict], sample_rate: int, key: Callable[[dict], str], order: list[str] | None = None
) -> dict[str, dict]:
    groups = defaultdict(list)
    for piece in pieces:
        groups[key(piece)].append(piece)
    return {name: _count(groups[name], sample_rate) for name in order or sorted(groups)}


def _count(pieces: list[dict], sample_rate: int) -> dict:
    samples = sum(piece["length_samples"] for piece in pieces)
    return {
        "files": len({piece["file"] for piece in pieces}),
        "pieces": len(pieces),
        "minutes": round(samples / sample_rate / 60, 3),
    }
