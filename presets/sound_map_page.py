"""Write a map of sounds: ``map.json``, ``map.png``, and ``map.html``, which needs nothing but a browser."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.errors import OutputError
from plugin_backend.output_files import disk_error, make_folder, make_folder_atomically
from presets.sound_map import MappedSound, places_of

COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#bcbd22", "#17becf", "#393b79",
    "#637939", "#8c6d31", "#843c39", "#7b4173", "#3182bd", "#e6550d", "#31a354", "#756bb1", "#636363",
)  # fmt: skip
OTHER, OTHER_COLOUR = "other", "#b0b0b0"
MOST_EMBEDDED_BYTES = 24 * 2**20
"""More audio than this lies beside the page, in ``audio/``, and not inside it."""


@dataclass(frozen=True)
class MapOptions:
    """What a map shows: its title, and a key of :data:`presets.sound_map.METHODS`."""

    title: str
    method: str


def write_map(sounds: Sequence[MappedSound], spec: CodecSpec, out: Path, options: MapOptions) -> dict[str, Any]:
    """Write the map of sounds into a new folder, which appears whole or not at all.

    Args:
        sounds: at least one.
        spec: of their model.
        out: a folder that does not exist.
        options: title and method.

    Returns:
        What ``map.json`` holds.

    Raises:
        OutputError: the folder exists or cannot be written.
        MissingExtraError: the method's package is not installed.
    """
    if out.exists() or out.is_symlink():
        raise OutputError(f"{out}: is there already; give a new folder")
    content = map_content(sounds, spec, options)
    clips = [_flac(sound.audio, spec.sample_rate) for sound in sounds]
    embedded = sum(map(len, clips)) <= MOST_EMBEDDED_BYTES
    try:
        with make_folder(out.parent), make_folder_atomically(out) as folder:
            if not embedded:
                (folder / "audio").mkdir()
            sources = []
            for number, clip in enumerate(clips):
                if embedded:
                    sources.append("data:audio/flac;base64," + base64.b64encode(clip).decode())
                    continue
                sources.append(f"audio/{number:05d}.flac")
                (folder / sources[-1]).write_bytes(clip)
            (folder / "map.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            (folder / "map.html").write_text(_page(content, sources), encoding="utf-8")
            (folder / "map.png").write_bytes(plot_map(content))
    except OSError as problem:
        raise disk_error(problem, out) from problem
    return content


def map_content(sounds: Sequence[MappedSound], spec: CodecSpec, options: MapOptions) -> dict[str, Any]:
    """Return a map as plain data: title, method, model, colours of the labels, and points with name, label, x and y.

    Args:
        sounds: in any order; the points are in the same.
        spec: of their model.
        options: title and method.
    """
    places = places_of(sounds, options.method)
    counts: dict[str, int] = {}
    for sound in sounds:
        counts[sound.label] = counts.get(sound.label, 0) + 1
    shown = sorted(sorted(counts, key=lambda label: (-counts[label], label))[: len(COLOURS)])
    colours = dict(zip(shown, COLOURS, strict=False))
    if len(counts) > len(shown):
        colours[OTHER] = OTHER_COLOUR
    return {
        "title": options.title,
        "method": options.method,
        "model": spec.name,
        "fingerprint": spec.fingerprint,
        "colours": colours,
        "points": [
            {"name": sound.name, "label": sound.label, "x": round(float(x), 5), "y": round(float(y), 5)}
            for sound, (x, y) in zip(sounds, places, strict=True)
        ],
    }


def plot_map(content: dict[str, Any]) -> bytes:
    """Return a PNG of a map.

    Args:
        content: as :func:`map_content` returns it.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), dpi=120, layout="constrained")
    axes = figure.subplots()
    points = content["points"]
    groups = [point["label"] if point["label"] in content["colours"] else OTHER for point in points]
    xy = np.array([(point["x"], point["y"]) for point in points]).reshape(-1, 2)
    for label, colour in content["colours"].items():
        of_label = np.array([group == label for group in groups], bool)
        size = 30 if len(points) < 500 else 8
        name = label.replace("$", r"\$").lstrip("_") or "-"
        x, y = xy[of_label].T
        axes.scatter(x, y, s=size, c=colour, label=name, alpha=0.8, lw=0)
    axes.set(xlim=(-1.08, 1.08), ylim=(-1.08, 1.08), xticks=[], yticks=[])
    axes.set_title(
        f"{content['title']}: {len(points)} sounds, {content['method']}, {content['model']}".replace("$", r"\$")
    )
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    data = io.BytesIO()
    figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def _page(content: dict[str, Any], sources: list[str]) -> str:
    """Return the page. Names are data for it, never HTML: the character that would end the data is escaped."""
    template = (files("presets") / "sound_map.html").read_text(encoding="utf-8")
    data = json.dumps({**content, "audio": sources}, ensure_ascii=False).replace("<", "\\u003c")
    return template.replace("{{title}}", html.escape(content["title"]), 1).replace("{{data}}", data, 1)


def _flac(audio: np.ndarray, rate_hz: int) -> bytes:
    data = io.BytesIO()
    audio = audio if audio.size else np.zeros(1, np.float32)
    soundfile.write(data, np.clip(audio, -1, 1), rate_hz, format="FLAC", subtype="PCM_16")
    return data.getvalue()
