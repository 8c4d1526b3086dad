"""The modulated complex lapped transform (MCLT): overlapping frames of complex coefficients, and back without error.

Malvar, "A modulated complex lapped transform and its applications to audio processing", ICASSP 1999. A frame has 2M
samples and M complex bins; frames begin every M samples. With θ(n, k) = (n + (M + 1) / 2)(k + ½) π / M:

* forward: X(k) = √(2/M) Σₙ x(n) h(n) exp(−jθ(n, k)), n = 0 … 2M − 1, k = 0 … M − 1;
* window: h(n) = −sin((n + ½) π / 2M), for both directions;
* inverse: y(n) = ½ √(2/M) h(n) Σₖ Re(X(k) exp(jθ(n, k))), frames added where they overlap. This is the mean of the
  inverse cosine and the inverse sine transform.

The real part alone is the modified discrete cosine transform. Both directions are one complex Fourier transform of 2M
points, because exp(−jθ) is a product of a factor of n, a factor of k and exp(−2πj nk / 2M).

Whole sounds and streams of frames return the same numbers. The short-time Fourier transform stands beside it, in the
same frames.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy import fft


class LappedTransform(ABC):
    """Frames of complex coefficients that overlap by half, with a sine window on both sides.

    Attributes:
        bins: complex bins of a frame, M.
        hop_samples: samples between frames, M.
        frame_samples: length of a frame, 2M.
    """

    def __init__(self, bins: int):
        """Set the sizes.

        Args:
            bins: M, at least 1.

        Raises:
            ValueError: ``bins`` is less than 1.
        """
        if bins < 1:
            raise ValueError(f"bins is {bins}; at least 1 is allowed")
        self.bins = self.hop_samples = bins
        self.frame_samples = 2 * bins

    @abstractmethod
    def forward_frames(self, frames: np.ndarray) -> np.ndarray:
        """Return the coefficients ``[…, bins]`` of frames ``[…, frame_samples]``.

        float32 gives complex64, float64 complex128.
        """

    @abstractmethod
    def inverse_frames(self, spectrum: np.ndarray) -> np.ndarray:
        """Return windowed frames ``[…, frame_samples]`` of coefficients ``[…, bins]``, to be added where they meet."""

    def forward(self, audio: np.ndarray) -> np.ndarray:
        """Return the coefficients of a sound.

        Args:
            audio: ``[…, samples]`` float; ``samples`` is a multiple of the hop, and at least a frame. Pad a hop of
                zeros at both ends if the whole sound is wanted back.

        Returns:
            ``[…, samples / hop_samples - 1, bins]`` complex.

        Raises:
            ValueError: the length is not allowed.
        """
        samples = audio.shape[-1]
        if samples % self.hop_samples or samples < self.frame_samples:
            raise ValueError(f"{samples} samples; a multiple of {self.hop_samples} is needed, and two or more of them")
        hops = audio.reshape(*audio.shape[:-1], -1, self.hop_samples)
        return self.forward_frames(np.concatenate([hops[..., :-1, :], hops[..., 1:, :]], axis=-1))

    def inverse(self, spectrum: np.ndarray) -> np.ndarray:
        """Return the sound of coefficients.

        The first and the last hop belong to one frame only, so they are faded, and not the sound that was transformed.

        Args:
            spectrum: ``[…, frames, bins]`` complex.

        Returns:
            ``[…, (frames + 1) * hop_samples]`` real.
        """
        frames, hop = self.inverse_frames(spectrum), self.hop_samples
        hops = np.zeros((*frames.shape[:-2], frames.shape[-2] + 1, hop), frames.dtype)
        hops[..., :-1, :] += frames[..., :hop]
        hops[..., 1:, :] += frames[..., hop:]
        return hops.reshape(*hops.shape[:-2], -1)


class Mclt(LappedTransform):
    """The MCLT of one size.

    Examples:
        >>> transform = Mclt(4)
        >>> spectrum = transform.forward(np.ones(24))
        >>> spectrum.shape
        (5, 4)
        >>> bool(np.allclose(transform.inverse(spectrum)[4:-4], 1))
        True
    """

    def __init__(self, bins: int):
        super().__init__(bins)
        n, k = np.arange(2 * bins), np.arange(bins)
        self._before = -np.sin((n + 0.5) * (np.pi / (2 * bins))) * np.exp(-0.5j * np.pi / bins * n)
        self._after = np.sqrt(2 / bins) * np.exp(-0.5j * np.pi * (bins + 1) / bins * (k + 0.5))

    def forward_frames(self, frames: np.ndarray) -> np.ndarray:
        before, after = self._factors(frames.dtype)
        return fft.fft(frames * before, axis=-1)[..., : self.bins] * after

    def inverse_frames(self, spectrum: np.ndarray) -> np.ndarray:
        before, after = self._factors(spectrum.real.dtype)
        turned = fft.ifft(spectrum * after.conj(), 2 * self.bins, axis=-1)
        return (turned * before.conj()).real * np.asarray(self.bins, spectrum.real.dtype)

    def _factors(self, real: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        kind = np.result_type(real, np.complex64)
        return self._before.astype(kind), self._after.astype(kind)


class SineStft(LappedTransform):
    """The short-time Fourier transform in the same frames, scaled as the MCLT. The top bin is dropped.

    Everything below the top bin comes back without error; at half the sample rate nothing does.
    """

    def __init__(self, bins: int):
        super().__init__(bins)
        self._window = np.sin((np.arange(2 * bins) + 0.5) * (np.pi / (2 * bins)))

    def forward_frames(self, frames: np.ndarray) -> np.ndarray:
        window = (self._window * np.sqrt(2 / self.bins)).astype(frames.dtype)
        return fft.rfft(frames * window, axis=-1)[..., : self.bins]

    def inverse_frames(self, spectrum: np.ndarray) -> np.ndarray:
        window = (self._window / np.sqrt(2 / self.bins)).astype(spectrum.real.dtype)
        padded = np.concatenate([spectrum, np.zeros_like(spectrum[..., :1])], axis=-1)
        return fft.irfft(padded, 2 * self.bins, axis=-1) * window


class ForwardStream:
    """The coefficients of a sound that comes hop by hop. Silence precedes the sound."""

    def __init__(self, transform: LappedTransform):
        self._transform, self._last = transform, np.zeros(transform.hop_samples)

    def push(self, audio: np.ndarray) -> np.ndarray:
        """Return the frames that end in ``[k * hop_samples]`` samples, ``[k, bins]``.

        Raises:
            ValueError: the length is not a multiple of the hop.
        """
        known = np.concatenate([self._last.astype(audio.dtype), audio])
        if audio.size == 0:
            return self._transform.forward_frames(np.zeros((0, self._transform.frame_samples), audio.dtype))
        spectrum = self._transform.forward(known)
        self._last = audio[-self._transform.hop_samples :]
        return spectrum


class InverseStream:
    """The sound of coefficients that come frame by frame, late by one hop."""

    def __init__(self, transform: LappedTransform):
        self._transform, self._tail = transform, np.zeros(transform.hop_samples)

    def push(self, spectrum: np.ndarray) -> np.ndarray:
        """Return the next ``[k * hop_samples]`` samples of ``[k, bins]`` coefficients."""
        audio = self._transform.inverse(spectrum)
        hop = self._transform.hop_samples
        audio[:hop] += self._tail.astype(audio.dtype)
        self._tail = audio[-hop:]
        return audio[:-hop]
