"""Choose how every cue of a plan performs its preset, with a memory of the cues before it."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from plugin_backend.codecs.base import CodecSpec
from presets.performance.aligned_takes import aligned_takes_of
from presets.performance.draw import ALL_SHOES, WHOLE, Draw
from presets.performance.memory import RowMemory, choose_candidates
from presets.preset import Preset
from render.cues import Cue

FEET = {"L": -1, "R": 1}
NUMBER = re.compile(r"(\D*)(\d+)(.*)")


@dataclass(frozen=True)
class Performer:
    """A preset, or none, and the name and description of the model that decodes it."""

    preset: Preset | None
    codec: str
    spec: CodecSpec


def take_seed(project_seed: int, cue_id: str, take: int) -> int:
    """Return a cue's own seed, by BLAKE2b.

    Args:
        project_seed: seed of the project.
        cue_id: id of the cue.
        take: take number of the project.

    Returns:
        63 bits.
    """
    text = f"{project_seed}\0{cue_id}\0{take}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1


def choose_draws(
    cues: Sequence[Cue],
    seeds: Mapping[str, int],
    performer: Callable[[str | None], Performer],
    shoes: Mapping[str, int],
    memory: int | None,
) -> dict[str, Draw]:
    """Return how each cue performs its preset.

    Cues of one stem, character and preset follow one another: none sounds like one of those that are remembered. A cue
    with a seed of its own always performs that seed's first mixture.

    Args:
        cues: in order of time; cues with a source are left out.
        seeds: cue id → seed.
        performer: returns the preset of a name, and its model.
        shoes: character → index of the takes that it wears; other characters have one by their name.
        memory: how many performances before each are remembered; None for the default.

    Returns:
        Cue id → draw.
    """
    rows: dict[tuple[str, str, str | None], list[Cue]] = defaultdict(list)
    draws: dict[str, Draw] = {}
    for cue in cues:
        if cue.source is None:
            rows[cue.stem, cue.character, cue.preset].append(cue)
    for (_, character, name), row in rows.items():
        preset, spec = performer(name).preset, performer(name).spec
        assert preset is not None
        shoe = shoes.get(character, shoe_of(character))
        candidates = [0] * len(row)
        if preset.header.kind == "hit":
            pinned = [cue.seed is not None for cue in row]
            aligned = aligned_takes_of(preset, spec.hop_samples)
            candidates = choose_candidates(aligned, [seeds[cue.id] for cue in row], shoe, memory, pinned)
        for cue, candidate in zip(row, candidates, strict=True):
            draws[cue.id] = _draw(cue, Draw(seeds[cue.id], candidate, character=character, shoe=shoe))
    return draws


def shoe_of(name: str) -> int:
    """Return the index of the takes that are worn: of shoes ``a``, ``b`` …, or by the name of a character.

    The unnamed character wears all.
    """
    if not name:
        return ALL_SHOES
    if len(name) == 1 and "a" <= name.lower() <= "z":
        return ord(name.lower()) - ord("a")
    return int.from_bytes(hashlib.blake2b(f"shoes\0{name}".encode(), digest_size=2).digest())


class StruckRows:
    """How presets are performed that are struck again and again: in live playing, in the plug-in, at hits.

    Args:
        seed: of all strikes.
    """

    def __init__(self, seed: int):
        self._seed = seed
        self._rows: dict[tuple[Preset, str], tuple[RowMemory, list[Draw]]] = {}

    def draw(self, preset: Preset, spec: CodecSpec, number: str, effort: float = 1.0) -> Draw:
        """Return how a preset is performed at a strike. It depends on the strikes before it, however they were asked.

        Args:
            preset: the preset.
            spec: of its model.
            number: name of the strike; it contains its place in the row, from 0, such as ``strike 3``.
            effort: see :class:`~presets.performance.draw.Draw`.
        """
        before, place, after = NUMBER.fullmatch(number).groups()  # type: ignore[union-attr]
        if preset.header.kind != "hit":
            return Draw(take_seed(self._seed, number, 1), effort=effort)
        key = preset, f"{before}\0{after}"
        if key not in self._rows:
            self._rows[key] = RowMemory(aligned_takes_of(preset, spec.hop_samples)), []
        row, draws = self._rows[key]
        for index in range(len(draws), int(place) + 1):
            seed = take_seed(self._seed, f"{before}{index}{after}", 1)
            draws.append(Draw(seed, 0 if row.forgetful else row.decide(row.sketches([seed])[0])))
        return replace(draws[int(place)], effort=effort)


def _draw(cue: Cue, draw: Draw) -> Draw:
    effort = cue.velocity if cue.effort is None else cue.effort
    return replace(draw, effort=effort, foot=FEET.get(cue.foot or "", 0), part=cue.part or WHOLE)
