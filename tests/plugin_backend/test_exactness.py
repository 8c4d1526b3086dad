"""The measured exactness of models."""

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.exactness import measure_exactness
from plugin_backend.models.registry import load_codec


@pytest.mark.parametrize("name", ["foley", "pcm", "timbral"])
def test_our_models_are_exact_here(name):
    codec = load_codec(name)
    found = measure_exactness(codec)
    assert found.exact and (found.latents_db, found.sound_db) == (None, None)
    assert found.audio_ms == pytest.approx(1000 * codec.spec.hop_samples / codec.spec.sample_rate)
    assert found.hop_ms >= 0


class Rounds(PcmCodec):
    """Decodes a single frame a little louder."""

    def decoder(self, batch=1, seeds=None, sides=None):
        inner = super().decoder(batch)

        class Decoder(type(inner)):
            def push(self, latents):
                return super().push(latents) * np.float32(1.001 if latents.shape[1] == 1 else 1)

        return Decoder()


def test_a_codec_that_depends_on_the_block_is_measured():
    found = measure_exactness(Rounds())
    assert not found.exact and found.latents_db is None
    assert found.sound_db == pytest.approx(-60, abs=0.1)
