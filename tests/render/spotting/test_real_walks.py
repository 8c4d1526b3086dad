"""Spotting in recordings of real steps."""

import numpy as np
import pytest
import soundfile

from plugin_backend.audio_files import read_mono
from plugin_backend.hit_detection import Hit, detect_hits

RATE = 48_000


@pytest.fixture
def guide(tmp_path):
    def write(audio, rate: int = RATE, subtype: str = "FLOAT", name: str = "guide.wav"):
        path = tmp_path / name
        soundfile.write(path, np.asarray(audio, np.float32), rate, subtype=subtype)
        return path

    return write


def noise(level_db: float, count: int):
    return np.random.default_rng(1).standard_normal(count) * 10 ** (level_db / 20)


def onsets(hits: list[Hit]) -> list[int]:
    return [hit.onset_samples for hit in hits]


WOOD_WALK_CUTS_S = (0, 0.26, 0.78, 1.28, 1.78, 2.26, 2.74, 3.5)
"""Between the seven steps of a walk over boards."""

CRISP = (
    *(f"*/minetest-data__default_{floor}_foot*" for floor in ("glass", "hard", "metal", "wood")),
    "stone/openarena*",
)
"""Glass, hard, metal and wood, and shoes: held out from all tuning."""


def attack(step) -> int:
    """Return the onset by a simple rule: the first sample within 20 dB of the step's peak."""
    return int(np.argmax(np.abs(step) >= 0.1 * np.abs(step).max()))


@pytest.mark.corpus
def test_a_real_walk(corpus):
    path = next((corpus / "footsteps" / "wood").glob("0ad-data__Footstep_Wood_Walking_*.ogg"))
    walk, rate = soundfile.read(path)
    cuts = [round(cut * rate) for cut in WOOD_WALK_CUTS_S]
    truth = np.array([start + attack(walk[start:end]) for start, end in zip(cuts, cuts[1:], strict=False)])
    errors_ms = np.abs(np.array(onsets(detect_hits(path))) - truth) * 1000 / rate
    assert np.median(errors_ms) <= 1
    assert errors_ms.max() <= 2


@pytest.mark.corpus
@pytest.mark.parametrize("snr_db", [80, 40, 30, 20])
def test_held_out_steps_in_a_walk(corpus, guide, snr_db):
    paths = sorted(path for pattern in CRISP for path in (corpus / "footsteps").glob(pattern))
    assert len(paths) == 17
    audio, truth = noise(-16 - snr_db, (len(paths) + 3) * RATE // 2), []
    for number, path in enumerate(paths):
        at, step = RATE + number * RATE // 2, read_mono(path, RATE)
        step = step * 0.3 / np.abs(step).max()
        audio[at : at + step.size] += step
        truth.append(at + attack(step))
    found = np.array(onsets(detect_hits(guide(audio))))
    errors_ms = np.array([np.abs(found - at).min() for at in truth]) * 1000 / RATE
    assert 2 * (errors_ms <= 20).sum() / (len(truth) + len(found)) >= 0.95
    assert np.median(errors_ms) <= 2
