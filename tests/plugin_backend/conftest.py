"""A codec and targets for tests of the transfer node."""

import numpy as np
import pytest

from plugin_backend.transfer.target import Target, make_target

RATE = 48_000


@pytest.fixture(scope="module")
def targets(foley) -> list[Target]:
    """Targets of two noises, one dark and one bright."""
    noise = np.random.default_rng(7).standard_normal(RATE // 2).astype(np.float32) * 0.2
    return [make_target([foley.encode(sound[None])[0]], foley) for sound in (np.cumsum(noise) / 60, np.diff(noise))]
