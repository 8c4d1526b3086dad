"""Build the factory bank and its axes from the Foley corpus and the factory model.

python -m presets.build_factory_bank CORPUS [--model foley]
"""

from __future__ import annotations

import argparse
import csv
import tomllib
from pathlib import Path
from typing import Any

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import PresetError
from plugin_backend.models.registry import load_codec
from presets.axes import SUFFIX as AXES_SUFFIX
from presets.axes import save_axes
from presets.bank import FACTORY_BANK
from presets.capture import AUTO, CaptureSettings, encode_slices, recorded_takes
from presets.decoded_takes import with_level
from presets.find_axes import find_axes
from presets.hit_slicing import SILENCE, Slice
from presets.performance.latent_statistics import save_statistics
from presets.performance.learn_statistics import hits_of, learn
from presets.preset import Preset, Provenance
from presets.provenance import recordings_of
from presets.store import SUFFIX, save_preset

RECIPE = Path(__file__).with_name("factory_recipe.toml")
PEAK_DB = {"hit": -12.0, "texture": -26.0}
"""Peak of the loudest take of each kind of preset, so that a sheet without gains has a usable balance."""
MOST_TEXTURES, MOST_TAKES = 1, 16

Entry = dict[str, Any]
"""An entry of the recipe."""


def credits(corpus: Path) -> dict[str, tuple[str, str]]:
    """Return file in the corpus → its author and origin, and its licence."""
    with open(corpus / "manifest.csv", newline="", encoding="utf-8") as lines:
        return {
            row["file"]: (f"{row['author']} ({row['debian_package']}, {row['licence']})", row["licence"])
            for row in csv.DictReader(lines)
        }


def header_fields_of(entry: Entry, corpus: Path, credited: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Return the header fields that describe the preset of an entry: its content, its authors and how it was made.

    Args:
        entry: entry of the recipe.
        corpus: folder of the corpus.
        credited: see :func:`credits`.
    """
    files = files_of(entry, corpus)
    owners, licences = (
        sorted(set(column)) for column in zip(*(credited[str(path.relative_to(corpus))] for path in files), strict=True)
    )
    return {
        "description": entry["description"],
        "credit": "; ".join(owners),
        "licence": "; ".join(licences),
        "material": entry["material"],
        "tags": entry["tags"],
        "provenance": Provenance(
            made="capture",
            recordings=recordings_of(files),
            most_takes=MOST_TAKES,
            even=True,
            modes=entry.get("modes", AUTO),
            split=entry.get("split", SILENCE),
        ),
    }


def recipe() -> list[Entry]:
    """Return the entries of the recipe, in the order of their MIDI programs."""
    return tomllib.loads(RECIPE.read_text(encoding="utf-8"))["preset"]


def kind_of(entry: Entry) -> str:
    """Return the kind of an entry: ``hit`` or ``texture``."""
    return entry.get("kind", "hit")


def files_of(entry: Entry, corpus: Path) -> list[Path]:
    """Return the recordings that an entry names.

    Raises:
        PresetError: none of its patterns matches a file of the corpus.
    """
    files = [path for pattern in entry["files"] for path in sorted(corpus.glob(pattern))]
    if not files:
        raise PresetError(f"preset '{entry['name']}': no file of the corpus matches {entry['files']}")
    return files[:MOST_TEXTURES] if kind_of(entry) == "texture" else files


def capture_entry(entry: Entry, corpus: Path, codec: Codec, **fields: Any) -> Preset:
    """Capture the preset that an entry describes, at the level of its recordings.

    Args:
        entry: entry of the recipe.
        corpus: folder of the corpus.
        codec: model to encode with.
        fields: more header fields.

    Raises:
        PresetError: see :func:`files_of`.
    """
    kind = kind_of(entry)
    slices = slices_of_entry(entry, corpus, codec.spec.sample_rate)
    return encode_slices(
        codec, entry["name"], slices, kind, entry.get("modes", AUTO), stereo=kind == "texture", **fields
    )


def slices_of_entry(entry: Entry, corpus: Path, rate_hz: int) -> list[Slice]:
    """Return the slices that become the takes of an entry.

    Args:
        entry: entry of the recipe.
        corpus: folder of the corpus.
        rate_hz: sample rate of the slices.

    Raises:
        PresetError: see :func:`files_of`.
    """
    split, files = entry.get("split", SILENCE), files_of(entry, corpus)
    settings = CaptureSettings(kind_of(entry), MOST_TAKES, even=True, split=split)
    return recorded_takes(entry["name"], files, rate_hz, settings)[0]


def build(corpus: Path, folder: Path, model: str) -> list[Preset]:
    """Write every preset of the recipe, the axes, and what was learned about the model's latents, into a folder.

    Presets and axes that are no longer made are removed.

    Args:
        corpus: folder of the corpus.
        folder: folder of the bank.
        model: name of the model.

    Returns:
        The presets.

    Raises:
        PresetError: a pattern of the recipe matches no file of the corpus, two presets have a take in common, or
            no axis is found.
    """
    codec, credited = load_codec(model), credits(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    save_statistics(learn(hits_of(corpus, codec), codec), codec.spec.name, folder)
    presets = []
    for program, entry in enumerate(recipe()):
        fields = {"program": program, **header_fields_of(entry, corpus, credited)}
        presets.append(with_level(capture_entry(entry, corpus, codec, **fields), codec, PEAK_DB[kind_of(entry)]))
    check_no_shared_takes(presets)
    axes, _ = find_axes(presets, codec)
    written = {save_axes(axes, folder), *(save_preset(preset, folder) for preset in presets)}
    for stale in {*folder.glob(f"*{SUFFIX}"), *folder.glob(f"*{AXES_SUFFIX}")} - written:
        stale.unlink()
    return presets


def check_no_shared_takes(presets: list[Preset]) -> None:
    """Check that no two presets have a take in common. A corpus may hold one recording under two names.

    Raises:
        PresetError: two presets have a take in common.
    """
    owners: dict[bytes, str] = {}
    for preset in presets:
        for take in preset.means:
            owner = owners.setdefault(take.tobytes(), preset.header.name)
            if owner != preset.header.name:
                raise PresetError(f"presets '{owner}' and '{preset.header.name}' have a take in common")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default="foley")
    parser.add_argument("--folder", type=Path, default=FACTORY_BANK)
    options = parser.parse_args()
    for preset in build(options.corpus, options.folder, options.model):
        print(f"{preset.name}: {len(preset.means)} takes, {preset.header.gain_db:+.1f} dB")
