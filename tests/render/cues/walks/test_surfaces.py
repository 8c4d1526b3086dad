"""The surfaces of a walk: where each begins, exactly."""

from pathlib import Path

import pytest

from plugin_backend.errors import CueSheetError
from render.cues.walks.rows import Surface
from render.cues.walks.surfaces import read_surfaces, surface_at
from render.project.timecode import RATES, Clock, samples_at

FILM = Clock(48_000, RATES["23.976"], 86_400)
HERE = Path("/reel")


def surfaces(text: str, start_samples: int = 0, clock: Clock = FILM) -> list[Surface]:
    return read_surfaces(text, start_samples, 20 * 48_000, HERE, clock)


@pytest.mark.parametrize(
    ("at", "samples"),
    [
        ("6.2s", 297_600),
        ("6.2", 297_600),
        ("6s", 288_000),
        (" 6 s", 288_000),
        ("0.00001s", 0.48),
        ("1smp", 1),
        ("00:00:06:05", samples_at(149, RATES["23.976"], 48_000)),
    ],
)
def test_each_begins_at_its_exact_sample(at, samples):
    if samples < 1:
        with pytest.raises(CueSheetError, match="does not begin after the surface before it"):
            surfaces(f"a@0, b@{at}")
        return
    assert surfaces(f"a@0, b@{at}") == [Surface(0, "a"), Surface(samples, "b")]
    assert surfaces(f"a,b@{at}")[1].start_samples == samples  # the first may leave out @0


def test_a_timecode_counts_frames_from_the_walks_start():
    for frame in range(1, 200, 7):
        start = samples_at(86_400 + frame, FILM.rate, 48_000) - FILM.start_samples
        (_, second) = surfaces("a@0, b@00:00:01:00", start)
        assert start + second.start_samples == samples_at(86_424 + frame, FILM.rate, 48_000) - FILM.start_samples


def test_a_step_is_on_the_surface_at_its_sample():
    ground = tuple(surfaces("a@0, b@100smp, c@200smp"))
    assert "".join(surface_at(ground, at).preset for at in (0, 99, 100, 199, 200, 5000)) == "aabbcc"


def test_preset_files_are_beside_the_sheet():
    assert surfaces("x.preset.safetensors@0")[0].preset == "/reel/x.preset.safetensors"
    assert surfaces("") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a@1.0", "the first surface begins at 0, not at '1.0'"),
        ("a@0,b", "'b' is no surface: write presets with the time"),
        ("a@0,,b@1.0", "'' is no surface"),
        ("@0", "'@0' is no surface"),
        ("a@0,b@6", "'6' could be seconds, frames or samples"),
        ("a@0,b@6x", "'6x' is not a time"),
        ("a@0,b@-1.0", "does not begin after the surface before it"),
        ("a@0,b@2.0,c@2.0", "'c@2.0' does not begin after the surface before it"),
        ("a@0,b@20.0", "'b@20.0' begins after the walk's end"),
        ("a@0,b@01:00:00:24", "frame 24 does not exist"),
    ],
)
def test_wrong_surfaces_are_refused_by_column(text, problem):
    with pytest.raises(CueSheetError) as caught:
        surfaces(text)
    assert problem in str(caught.value) and caught.value.field == "surface"
