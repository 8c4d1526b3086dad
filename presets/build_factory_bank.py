"""Build the factory bank from the Foley corpus and the factory model.

python -m presets.build_factory_bank CORPUS [--model foley]
"""

from __future__ import annotations

import argparse
import csv
import tomllib
from pathlib import Path

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import PresetError
from plugin_backend.hit_detection.detect_hits import Sensitivity
from plugin_backend.models.registry import load_codec
from presets.bank import FACTORY_BANK
from presets.capture import AUTO, encode_slices, recorded_takes
from presets.decoded_takes import with_level
from presets.hit_slicing import SILENCE, Slice
from presets.preset import Preset, Provenance
from presets.provenance import recordings_of
from presets.store import SUFFIX, save_preset

RECIPE = Path(__file__).with_name("factory_recipe.toml")
PEAK_DB = {"hit": -12.0, "texture": -26.0}
"""Where each kind's loudest take peaks, so that a sheet without gains is near a usable balance."""
MOST_TEXTURES, MOST_TAKES = 1, 16


def credits(corpus: Path) -> dict[str, tuple[str, str]]:
    """File below the corpus → who made it and where it came from, and its licence."""
    with open(corpus / "manifest.csv", newline="", encoding="utf-8") as lines:
        return {
            row["file"]: (f"{row['author']} ({row['debian_package']}, {row['licence']})", row["licence"])
            for row in csv.DictReader(lines)
        }


def header_fields_of(entry: dict, corpus: Path, credited: dict[str, tuple[str, str]]) -> dict:
    """The header fields that say what an entry's preset is, whose, and how it was made."""
    files = files_of(entry, corpus)
    owners, licences = (
        sorted(set(own)) for own in zip(*(credited[str(path.relative_to(corpus))] for path in files), strict=True)
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


def recipe() -> list[dict]:
    """The entries of the recipe, in the order of their MIDI programs."""
    return tomllib.loads(RECIPE.read_text(encoding="utf-8"))["preset"]


def kind_of(entry: dict) -> str:
    """``hit`` or ``texture``."""
    return entry.get("kind", "hit")


def files_of(entry: dict, corpus: Path) -> list[Path]:
    """The recordings that an entry of the recipe names.

    Raises:
        PresetError: none of its patterns matches a file of the corpus.
    """
    files = [path for pattern in entry["files"] for path in sorted(corpus.glob(pattern))]
    if not files:
        raise PresetError(f"preset '{entry['name']}': no file of the corpus matches {entry['files']}")
    return files[:MOST_TEXTURES] if kind_of(entry) == "texture" else files


def capture_entry(entry: dict, corpus: Path, codec: Codec, **fields) -> Preset:
    """The preset that an entry describes, at its recordings' own level; ``fields`` are further header fields.

    Raises:
        PresetError: see :func:`files_of`.
    """
    kind = kind_of(entry)
    slices = slices_of_entry(entry, corpus, codec.spec.sample_rate)
    return encode_slices(
        codec, entry["name"], slices, kind, entry.get("modes", AUTO), stereo=kind == "texture", **fields
    )


def slices_of_entry(entry: dict, corpus: Path, rate_hz: int) -> list[Slice]:
    """The sounds that become an entry's takes.

    Raises:
        PresetError: see :func:`files_of`.
    """
    split, files = entry.get("split", SILENCE), files_of(entry, corpus)
    return recorded_takes(entry["name"], files, kind_of(entry), rate_hz, MOST_TAKES, True, split, Sensitivity())[0]


def build(corpus: Path, folder: Path, model: str) -> list[Preset]:
    """Write every preset of the recipe into ``folder``; presets no longer in the recipe go.

    Raises:
        PresetError: a recipe's pattern matches no file of the corpus, or two presets have a take in common.
    """
    codec, credited = load_codec(model), credits(corpus)
    presets = []
    for program, entry in enumerate(recipe()):
        told = {"program": program, **header_fields_of(entry, corpus, credited)}
        presets.append(with_level(capture_entry(entry, corpus, codec, **told), codec, PEAK_DB[kind_of(entry)]))
    check_no_shared_takes(presets)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in set(folder.glob(f"*{SUFFIX}")) - {save_preset(preset, folder) for preset in presets}:
        stale.unlink()
    return presets


def check_no_shared_takes(presets: list[Preset]) -> None:
    """A corpus may hold one recording under two names; two presets must not.

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
    for made in build(options.corpus, options.folder, options.model):
        print(f"{made.name}: {len(made.means)} takes, {made.header.gain_db:+.1f} dB")
