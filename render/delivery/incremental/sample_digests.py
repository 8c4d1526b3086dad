"""What decides the samples of a delivered file, as digests. Equal digests mean equal samples."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from plugin_backend.hashing import digest
from render.delivery.file_names import layouts_of
from render.delivery.incremental.previous_report import mix_of
from render.plan.cache_key import CueKey
from render.plan.plan import Plan
from render.plan.resolve_effects import describe_effect
from render.project.effect_schema import Plugin
from render.project.project import Project, Stem
from render.project.stem_names import SUM

MIX_VERSION = 1
"""Must be raised whenever the same plan would be mixed differently, or one of our effects would sound different."""


def frame_of(plan: Plan, project: Project) -> dict[str, Any]:
    """Return what all files of a delivery share. When it changes, all files change."""
    programme = plan.programme
    return {
        "version": MIX_VERSION,
        "sample_rate": plan.sample_rate,
        "start_samples": plan.start_samples,
        "length_samples": plan.length_samples,
        "programme": [programme.start, programme.stop],
        "pops": [list(pop) for pop in plan.pops],
        "bits": project.bits,
        "seed": project.seed if project.bits == 16 else None,  # of the dither
    }


def chain_of(stem: Stem) -> dict[str, Any]:
    """Describe what a stem does to the sum of its cues. A plug-in's file counts by size and time, others by content."""
    plugins = [Path(effect.path) for effect in stem.effects if isinstance(effect, Plugin) and effect.is_file]
    return {
        "gain_db": stem.gain_db,
        "layout": stem.layout,
        "effects": [describe_effect(effect) for effect in stem.effects],
        "plugins": [_file_states(plugin) for plugin in plugins],
    }


def _file_states(plugin: Path) -> list[list[str | int]]:
    """Return name, size and time of a plug-in's file, or of every file in its bundle."""
    files = sorted(path for path in plugin.rglob("*") if path.is_file()) if plugin.is_dir() else [plugin]
    states = [(path.relative_to(plugin.parent), path.stat()) for path in files]
    return [[str(name), state.st_size, state.st_mtime_ns] for name, state in states]


def stem_keys(plan: Plan, project: Project, keys: dict[str, CueKey]) -> dict[str, str]:
    """Return stem name → digest of everything that decides its samples, FOLEY included.

    Args:
        plan: gives stems and cues.
        project: gives bits and seed.
        keys: cue id → key, of every event.
    """
    frame, digests = frame_of(plan, project), {}
    for stem in plan.stems:
        cues = [[keys[e.id].key, e.length_samples, asdict(mix_of(e))] for e in plan.events if e.stem == stem.name]
        digests[stem.name] = digest([frame, stem.name, chain_of(stem), cues])
    return digests | {SUM: digest([layouts_of(plan)[SUM], sorted(digests.values())])}
