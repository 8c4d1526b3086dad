"""Small training runs on bursts of noise, and their samplers."""

import numpy as np

from plugin_backend.corpus.sound import Sound
from plugin_backend.training.config import TrainingSettings
from plugin_backend.training.crop_sampler import CropSampler
from plugin_backend.training.run_options import RunOptions
from plugin_backend.training.trainer import Trainer

RATE, CROP = 48_000, 16_384
SETTINGS = TrainingSettings(
    steps=6, refine_share=0.5, batch=2, crop_samples=CROP, warm_up_steps=2, validate_every_steps=4
)


def noise_bursts(count, seed=0):
    rng = np.random.default_rng(seed)
    decay = np.exp(-np.arange(RATE // 4) / (RATE / 40)).astype(np.float32)
    bursts = (rng.standard_normal((count, decay.size)) * decay * 0.2).astype(np.float32)
    return [Sound(f"{n}.wav", "footsteps/wood", "a", 24_000.0, burst) for n, burst in enumerate(bursts)]


def sampler(range_set=None, sounds=None):
    sounds = sounds or noise_bursts(4)
    return CropSampler(sounds, np.full(len(sounds), 1 / len(sounds)), CROP, RATE, range_set)


def quiet_run(out, settings=SETTINGS):
    return Trainer(settings, sampler("musical"), sampler(), out, RunOptions(device="cpu", report=lambda line: None))
