"""The bits do not depend on block or batch size; with the C engine they are equal on every machine.

``make processors`` runs this file as other processors would: see docs/exactness.md.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from plugin_backend.codecs.block_stream import BlockStream
from plugin_backend.cpu_info import cpu_info
from plugin_backend.exactness import measure_exactness
from plugin_backend.models.registry import load_codec
from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.addressed_noise import white_noise
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.matrix_products import NativeProduct, best_backend, rows_are_exact
from plugin_backend.models.waveform_vae.model import WaveformVAE

STORED = Path(__file__).parent / "same_bits.safetensors"
"""The engine's stored output; ``python tests/plugin_backend/models/waveform_vae/test_same_bits.py`` writes it."""

MACHINES_DIFFER_BY_DB = -100
"""Largest difference of latents or samples between machines, relative to the largest, if PyTorch computes."""

HOPS, HOP, EVERY = 24, 512, 13


def model_of_integers() -> WaveformVAE:
    """A small model with a noise head, the same everywhere: its weights are noise that is made of integers."""
    model = WaveformVAE(
        WaveformVAEConfig(
            latent_dim=6, head="noise", encoder_view=2048, encoder_view_bins=40, encoder_energy_samples=64,
            coherent=True, encoder_blocks=2, decoder_blocks=2,
        )
    )  # fmt: skip
    with torch.no_grad():
        for number, (name, weight) in enumerate(sorted(model.named_parameters())):
            values = torch.from_numpy(white_noise([number], [0], weight.numel())[0]).reshape(weight.shape)
            if weight.dim() > 1:
                weight.copy_(values / weight[0].numel() ** 0.5)
            elif name.endswith("bias"):
                weight.copy_(values * 0.1)  # gains and the norms' weights are set to numbers already
    return model


def sounds(rows: int) -> np.ndarray:
    """Noise that dies away, ``[rows, HOPS * HOP]``; of integers too."""
    fade = np.maximum(0, 1 - np.arange(HOPS * HOP) / np.float32(20_000)).astype(np.float32)
    return white_noise(np.arange(rows) + 1_000, np.zeros(rows, np.int64), HOPS * HOP) * fade * np.float32(0.125)


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "integers.safetensors"
    checkpoint.save(model_of_integers(), path, {})
    return load_codec(str(path))


def made_by(codec) -> dict[str, np.ndarray]:
    """What is stored: latents, and some of their samples."""
    latents = codec.encode(sounds(1))
    found = {"latents": latents[0], "samples": codec.decode(latents, [5], [0.25])[0, ::EVERY]}
    return {name: np.ascontiguousarray(values) for name, values in found.items()}


def difference_db(one: np.ndarray, other: np.ndarray) -> float:
    """Of the most different, re the largest."""
    return 20 * np.log10(np.abs(one - other).max() / np.abs(other).max() + 1e-12)


def test_another_machine_made_the_same_to_the_bit_by_the_engine_else_but_for_float_noise(codec):
    stored, made = load_file(STORED), made_by(codec)
    found = {name: round(difference_db(made[name], stored[name]), 1) for name in stored}
    print(found, best_backend().kind.__name__, cpu_info())
    if best_backend().kind is NativeProduct:
        assert all(np.array_equal(made[name], stored[name]) for name in stored)
    assert max(found.values()) < MACHINES_DIFFER_BY_DB
    assert made["latents"].std() > 0.1 and made["samples"].std() > 0.01


def test_the_way_of_multiplying_keeps_a_rows_bits():
    assert rows_are_exact()


def test_blocks_and_batches_of_the_self_test_are_the_whole_to_the_bit(codec):
    found = measure_exactness(codec)
    assert (found.latents_db, found.sound_db) == (None, None)


@pytest.mark.parametrize("block", [1, 64, 100, 333, 512, 513, 1000, 4096, 8192])
def test_a_stream_in_any_blocks_is_the_whole_to_the_bit(codec, block):
    sound, stream = sounds(1)[0], BlockStream(codec)
    fed = np.pad(sound, (0, stream.latency_samples + -(sound.size + stream.latency_samples) % block))
    output = np.concatenate([stream.push(fed[at : at + block]) for at in range(0, fed.size, block)])
    output = output[stream.latency_samples :][: sound.size - codec.spec.latency_samples]
    whole = codec.decode(codec.encode(sound[None]))[0]
    np.testing.assert_array_equal(output, whole[: output.size])


def test_a_row_of_any_batch_is_the_row_alone_to_the_bit(codec):
    rows, seeds = sounds(16)[:, : 5 * HOP], list(range(16))
    means, deviations = zip(*(codec.posterior(rows[row : row + 1]) for row in range(16)), strict=True)
    alone = [codec.decode(means[row], [row]) for row in range(16)]
    for batch in range(1, 17):
        mean, deviation = codec.posterior(rows[:batch])
        np.testing.assert_array_equal(mean, np.concatenate(means[:batch]))
        np.testing.assert_array_equal(deviation, np.concatenate(deviations[:batch]))
        np.testing.assert_array_equal(codec.decode(mean, seeds[:batch]), np.concatenate(alone[:batch]))


def test_streams_in_several_threads_do_not_hear_one_another(codec):
    rows = sounds(4)
    alone = [codec.encode(row[None])[0] for row in rows]

    def streamed(row: np.ndarray) -> np.ndarray:
        stream = codec.encoder()
        return np.concatenate([stream.means(row[None, at : at + HOP])[0] for at in range(0, row.size, HOP)])

    with ThreadPoolExecutor(4) as threads:
        for _ in range(3):
            for expected, output in zip(alone, threads.map(streamed, rows), strict=True):
                np.testing.assert_array_equal(output, expected)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(model_of_integers(), Path(folder) / "integers.safetensors", {})
        save_file(made_by(load_codec(f"{folder}/integers.safetensors")), STORED)
