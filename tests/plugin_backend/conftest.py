"""What tests of the transfer node move sounds with."""

import numpy as np
import pytest

from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.target import Target, make_target

RATE = 48_000


@pytest.fixture(scope="module")
def foley():
    return load_codec("foley")


@pytest.fixture(scope="module")
def targets(foley) -> list[Target]:
    """Of two noises, one dark and one bright."""
    noise = np.random.default_rng(7).standard_normal(RATE // 2).astype(np.float32) * 0.2
    return [make_target([foley.encode(sound[None])[0]], foley) for sound in (np.cumsum(noise) / 60, np.diff(noise))]
