"""Short cues are decoded together, and equal cues once: fewer calls of the codec, the same samples."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plugin_backend.models.registry import describe_codec, load_codec
from presets.bank import FACTORY_BANK, Bank
from presets.performance.draw import Draw
from presets.performance.performance import performance_of
from render.engine import cue_audio as sounds_module
from render.engine.cue_audio import CueAudio
from render.engine.cue_cache import CueCache
from render.engine.cue_decoding import (
    AHEAD_CUES,
    BATCH_FRAMES,
    SHORT_FRAMES,
    Stopwatch,
    batch_mates,
    decode_batch,
    decode_cue,
    short_frames,
)
from render.plan.cache_key import cue_keys
from render.plan.plan import Event, Plan
from render.project.project import Stem

BANK = Bank(FACTORY_BANK)


def hit(number: int, preset: str, pitch: float = 0.0, source: Path | None = None, seed: int | None = None) -> Event:
    seed = number if seed is None else seed
    draw = None if source else Draw(seed)
    length = 4_800
    if draw and BANK[preset].header.kind == "hit":
        length = performance_of(BANK[preset], draw, describe_codec("foley")).length_samples
    return Event(
        id=f"c{number}", stem="FEET", start_samples=number * 4_800, length_samples=length, preset=preset,
        source=source, codec="foley", seed=seed, draw=draw, gain=1.0, pan=0.0, pitch_semitones=pitch, fade_in_samples=0,
        fade_out_samples=0, note="", extra={},
    )  # fmt: skip


def plan_of(events: list[Event], **fields) -> Plan:
    stems, length = (Stem(name="FEET"),), max(event.end_samples for event in events)
    return Plan(48_000, 0, length, stems, tuple(events), FACTORY_BANK, **fields)


def output(events: list[Event], sounds: CueAudio) -> list[np.ndarray]:
    """Each event's sound as a voice reads it."""
    return [np.concatenate(list(sounds.of(event)), axis=1)[:, : event.length_samples] for event in events]


def alone(events: list[Event], chunk_frames: int = 64) -> list[np.ndarray]:
    return output(events, CueAudio(plan_of(events), chunk_frames, Stopwatch()))


def assert_same_samples(some: list[np.ndarray], others: list[np.ndarray]) -> None:
    for number, (one, other) in enumerate(zip(some, others, strict=True)):
        assert np.abs(other).max() > 1e-3, number
        assert np.array_equal(one, other), number


PRESETS = ("step-gravel", "step-concrete", "prop-wood", "hoof", "step-tile", "amb-wind", "cloth-move", "step-concrete")


@pytest.fixture
def mixed() -> list[Event]:
    """Return short and long hits at several speeds, and a texture."""
    return [hit(n, PRESETS[n % len(PRESETS)], (0.0, -3.0, 0.0, 7.0, 0.0)[n % 5]) for n in range(24)]


@pytest.fixture
def pushes(monkeypatch) -> list[tuple[int, int]]:
    """Record rows and frames of every further call of the decoder."""
    seen, load = [], load_codec

    def watched(name):
        codec = load(name)
        decoder_of = codec.decoder

        def decoder(*rows):
            stream = decoder_of(*rows)
            push = stream.push

            def counted(latents):
                seen.append(latents.shape[:2])
                return push(latents)

            stream.push = counted
            return stream

        codec.decoder = decoder
        return codec

    monkeypatch.setattr(sounds_module, "load_codec", watched)
    return seen


def test_batch_mates_change_no_sample(mixed):
    together = CueAudio(plan_of(mixed), 64, Stopwatch(), mixed)
    assert_same_samples(output(mixed, together), alone(mixed))
    assert (together.counts.decoded, together.counts.cached) == (24, 0)


def test_a_whole_batch_is_the_same_at_every_number_of_rows_and_length():
    codec, events = load_codec("foley"), [hit(n, ("step-concrete", "step-wood", "bell")[n % 3]) for n in range(9)]
    presets = [BANK[event.preset] for event in events]
    one_by_one = [
        np.concatenate(list(decode_cue(event, preset, codec, 64, Stopwatch())), axis=1)[:, : event.length_samples]
        for event, preset in zip(events, presets, strict=True)
    ]
    for rows in (1, 2, 5, 9):
        some = decode_batch(events[:rows], presets[:rows], codec, 64, Stopwatch())
        assert_same_samples(some, one_by_one[:rows])


def test_short_cues_are_decoded_in_few_calls_no_larger_than_stated(pushes):
    events = [hit(n, ("step-concrete", "step-tile")[n % 2]) for n in range(60)]
    output(events, CueAudio(plan_of(events), 64, Stopwatch(), events))
    assert len(pushes) <= 12
    assert sum(rows for rows, _ in pushes) == 60
    assert max(rows * frames for rows, frames in pushes) <= BATCH_FRAMES


def test_no_more_cues_wait_in_memory_than_are_searched_ahead():
    events = [hit(n, PRESETS[n % 3]) for n in range(2 * AHEAD_CUES)]
    sounds, most = CueAudio(plan_of(events), 64, Stopwatch(), events), 0
    for event in events:
        list(sounds.of(event))
        most = max(most, len(sounds._ready))
    assert 8 < most <= AHEAD_CUES
    assert sounds._ready == {}


def test_small_chunks_do_not_wait_for_their_neighbours(pushes):
    events = [hit(n, "step-concrete") for n in range(6)]
    sounds = CueAudio(plan_of(events), 4, Stopwatch(), events)
    list(sounds.of(events[0]))
    assert {rows for rows, _ in pushes} == {1}
    assert max(frames for _, frames in pushes) == 4


def test_textures_sources_and_long_hits_are_streamed_by_themselves():
    spec = load_codec("foley").spec
    assert short_frames(hit(0, "step-concrete"), BANK["step-concrete"], spec) < 30
    assert short_frames(hit(0, "bell"), BANK["bell"], spec) is None
    assert short_frames(hit(0, "amb-wind"), BANK["amb-wind"], spec) is None
    assert short_frames(hit(0, "step-wood", source=Path("x.wav")), BANK["step-wood"], spec) is None
    slow = replace(hit(0, "step-gravel", -24.0), length_samples=SHORT_FRAMES * spec.hop_samples + 1)
    assert short_frames(slow, BANK["step-gravel"], spec) is None


def test_batch_mates_are_nearest_in_length():
    others = [(frames, hit(n, "step-wood")) for n, frames in enumerate((100, 20, 24, 60, 22))]
    chosen = batch_mates(22, others)
    assert [event.id for event in chosen[:3]] == ["c4", "c1", "c2"]
    widest = max(22, *(dict((event.id, frames) for frames, event in others)[event.id] for event in chosen))
    assert (len(chosen) + 1) * widest <= BATCH_FRAMES


def test_equal_cues_are_decoded_once_without_a_cache_too(pushes):
    same = [hit(n, preset, seed=7) for n, preset in enumerate(("step-wood", "bell", "amb-wind") * 4)]
    sounds = CueAudio(plan_of(same), 64, Stopwatch(), same)
    together = output(same, sounds)
    assert (sounds.counts.decoded, sounds.counts.cached) == (3, 9)
    once = sum(rows * frames for rows, frames in pushes)
    assert_same_samples(together, alone(same[:3]) * 4)
    assert sum(rows * frames for rows, frames in pushes) == 2 * once


def test_equal_cues_that_overlap_share_one_decoding_while_it_goes_on():
    events = [hit(0, "bell", seed=1), hit(1, "bell", seed=1)]
    sounds = CueAudio(plan_of(events), 64, Stopwatch(), events)
    pieces = list(zip(sounds.of(events[0]), sounds.of(events[1]), strict=True))
    assert len(pieces) > 3
    assert all(np.array_equal(one, other) for one, other in pieces)
    assert sounds.counts.decoded == 1


def test_sounds_that_do_not_fit_are_decoded_again_and_are_the_same(monkeypatch):
    monkeypatch.setattr(sounds_module, "REPEATED_BYTES", 1)
    events = [hit(n, "bell", seed=1) for n in range(3)]
    sounds = CueAudio(plan_of(events), 64, Stopwatch(), events)
    assert_same_samples(output(events, sounds), alone(events))
    assert (sounds.counts.decoded, sounds.counts.cached) == (3, 0)


def test_audio_of_batch_mates_is_cached_completely(tmp_path, mixed):
    keys = {cue: recipe.key for cue, recipe in cue_keys(plan_of(mixed)).items()}
    plan = plan_of(mixed, cache=tmp_path, sounds=keys)
    first, again = (CueAudio(plan, 64, Stopwatch(), mixed) for _ in range(2))
    assert_same_samples(output(mixed, first), alone(mixed))
    assert all(key in CueCache(tmp_path) for key in keys.values())
    assert_same_samples(output(mixed, again), alone(mixed))
    assert (again.counts.decoded, again.counts.cached) == (0, 24)


def test_two_processes_that_decode_the_same_cues_get_the_same_audio(tmp_path, mixed):
    keys = {cue: recipe.key for cue, recipe in cue_keys(plan_of(mixed)).items()}
    plan = plan_of(mixed, cache=tmp_path, sounds=keys)
    one, other = (CueAudio(plan, 64, Stopwatch(), mixed) for _ in range(2))
    both = [(output([event], one)[0], output([event], other)[0]) for event in mixed]
    assert_same_samples([sound for sound, _ in both], [sound for _, sound in both])
    assert not list(tmp_path.rglob("*.part"))
