"""What a corpus holds and what was left out of it, as plain data for JSON and for tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

EDGES_HZ = {"<8 kHz": 8_000.0, "<12 kHz": 12_000.0, "<16 kHz": 16_000.0, "full": float("inf")}
"""How far recordings reach: the first whose limit lies above a recording's band edge."""


def make_report(
    pieces: list[dict],
    sample_rate: int,
    dropped: list[tuple[str, str]],
    remarks: list[tuple[str, str]],
    ignored: int,
    copies: dict[str, str],
) -> dict:
    """Files, pieces and minutes in all, by label, source and band edge; a line for every odd file.

    ``pieces`` are the index's; ``dropped`` and ``remarks`` pair a file with a reason or remark;
    ``ignored`` counts files that are no audio; ``copies`` says of which file a dropped one is the same recording.
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
    """The files of a corpus that were dropped as the same recordings as one of ``files``, by its report."""
    return sorted(each["file"] for each in report["dropped"] if each.get("same_as") in files)


def band_edge_class(edge_hz: float) -> str:
    """The key of ``EDGES_HZ`` that a band edge falls under."""
    return next(name for name, limit_hz in EDGES_HZ.items() if edge_hz < limit_hz)


def _grouped(pieces: list[dict], sample_rate: int, key, order: list[str] | None = None) -> dict[str, dict]:
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
