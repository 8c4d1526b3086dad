"""What TensorBoard is given can be read back by TensorBoard."""

import numpy as np
import pytest

from plugin_backend.training.loggers import TensorBoardLogger


def test_losses_and_sounds_are_read_back(tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = TensorBoardLogger(tmp_path)
    log.scalars(20, {"spectral": 0.75, "kl": 25.0})
    log.scalars(40, {"spectral": 0.5})
    tone = 0.5 * np.sin(np.arange(4_800) * 0.1).astype(np.float32)
    log.sounds(40, tone, 3 * tone, 48_000)
    log.close()
    read = accumulators.EventAccumulator(str(tmp_path), size_guidance={accumulators.AUDIO: 0})
    read.Reload()
    assert [(event.step, event.value) for event in read.Scalars("loss/spectral")] == [(20, 0.75), (40, 0.5)]
    assert sorted(read.Tags()["audio"]) == ["held-out/decoded", "held-out/truth"]
    (output,) = read.Audio("held-out/truth")
    assert (output.step, output.sample_rate, output.length_frames) == (40, 48_000.0, 4_800)
