"""The MCLT: its sums, its inverse, and its streams."""

import numpy as np
import pytest

from plugin_backend.dsp.mclt import ForwardStream, InverseStream, Mclt, SineStft


def direct(frame, bins):
    """Return the coefficients of one frame by the sum of the definition."""
    n, k = np.arange(2 * bins), np.arange(bins)[:, None]
    window = -np.sin((n + 0.5) * np.pi / (2 * bins))
    turns = np.exp(-1j * (n + (bins + 1) / 2) * (k + 0.5) * np.pi / bins)
    return np.sqrt(2 / bins) * (turns * window * frame).sum(axis=1)


@pytest.mark.parametrize("bins", [1, 2, 5, 64, 512])
def test_each_frame_is_the_sum_of_the_definition(bins):
    audio = np.random.default_rng(0).standard_normal(4 * bins)
    expected = [direct(audio[at : at + 2 * bins], bins) for at in range(0, 3 * bins, bins)]
    assert np.abs(Mclt(bins).forward(audio) - expected).max() < 1e-11


@pytest.mark.parametrize("bins", [1, 7, 512])
def test_the_inverse_returns_the_sound_to_1e_12(bins):
    audio = np.random.default_rng(1).standard_normal((2, 9 * bins))
    back = Mclt(bins).inverse(Mclt(bins).forward(np.pad(audio, ((0, 0), (bins, bins)))))
    assert np.abs(back[:, bins:-bins] - audio).max() <= 1e-12


def test_the_coefficients_hold_twice_the_energy():
    audio = np.random.default_rng(2).standard_normal(64 * 40)
    spectrum = Mclt(64).forward(np.pad(audio, 64))
    assert np.square(np.abs(spectrum)).sum() == pytest.approx(2 * np.square(audio).sum(), rel=1e-12)


def test_a_tone_is_steady_in_magnitude_while_its_cosine_transform_is_not():
    spectrum = Mclt(128).forward(np.sin(np.arange(128 * 40) * 0.3))
    at = np.abs(spectrum).sum(axis=0).argmax()
    assert np.ptp(np.abs(spectrum[:, at])) < 0.02 * np.abs(spectrum[:, at]).mean()
    assert np.ptp(spectrum[:, at].real) > np.abs(spectrum[:, at]).mean()


def test_the_stft_returns_what_lies_below_its_top_bin():
    audio = np.cumsum(np.random.default_rng(4).standard_normal(64 * 12))
    spectrum = SineStft(64).forward(audio)
    expected = np.fft.rfft(audio[64:192] * np.sin((np.arange(128) + 0.5) * np.pi / 128))[:64] * np.sqrt(2 / 64)
    assert np.abs(spectrum[1] - expected).max() < 1e-10
    tone = np.sin(np.arange(64 * 12) * 0.3)
    assert np.abs((SineStft(64).inverse(SineStft(64).forward(tone)) - tone)[64:-64]).max() < 2e-3


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_streams_return_the_same_bits_in_blocks_of_any_size(kind):
    transform, rng = Mclt(32), np.random.default_rng(3)
    audio = rng.standard_normal(32 * 20).astype(kind)
    whole = transform.forward(np.concatenate([np.zeros(32, kind), audio]))
    for sizes in ([20], [1] * 20, [3, 0, 9, 8]):
        forward, inverse, at = ForwardStream(transform), InverseStream(transform), 0
        spectra, sounds = [], []
        for size in sizes:
            spectra.append(forward.push(audio[at * 32 : (at + size) * 32]))
            sounds.append(inverse.push(spectra[-1]))
            at += size
        assert np.array_equal(np.concatenate(spectra), whole)
        joined = np.concatenate(sounds)
        assert joined.dtype == kind and np.array_equal(joined, transform.inverse(whole)[:-32])
        error = np.abs(joined[32:] - audio[:-32]).max()
        assert error < (1e-12 if kind == np.float64 else 1e-5)


def test_lengths_that_are_no_whole_hops_are_refused():
    with pytest.raises(ValueError, match="33 samples"):
        Mclt(16).forward(np.zeros(33))
    with pytest.raises(ValueError, match="at least 1"):
        Mclt(0)
