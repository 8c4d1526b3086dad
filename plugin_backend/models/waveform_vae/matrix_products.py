"""Matrix products with fixed weights: weights in half precision, everything else in float32.

The bits of a row do not depend on the number of rows. A stream pushes two rows through a layer, so a product costs
mostly the reading of its weights and the call itself. Weights of half the size take half as long to read. They are
rounded once, the same on every machine, and every backend uses the rounded ones. A call of FBGEMM takes 2 µs, one of
oneDNN 12 µs. With how many rows each gives a row the same bits is measured
(:mod:`~plugin_backend.models.waveform_vae.exact_row_counts`); PyTorch's plain product always gets the same number of
rows.
"""

from __future__ import annotations

import ctypes
import warnings
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from plugin_backend.models.family import Computation
from plugin_backend.models.waveform_vae import c_engine as engine
from plugin_backend.models.waveform_vae.exact_row_counts import SIZES, RowCounts, row_counts

PACKED_ROWS = 256
"""The number of rows that oneDNN's packing is tuned for. Any number works."""

WIDTH_OF_VECTORS = 32
"""Most numbers that PyTorch's loops process at once: two vectors of AVX-512."""

ELEMENTS_SHARED = 16_384
"""From this number of elements on, PyTorch shares the work among threads."""

_gelu_ = torch.ops.aten.gelu_.default

LARGEST = torch.finfo(torch.half).max


class NativeProduct:
    """Our own product in C, as in :mod:`~plugin_backend.models.waveform_vae.c_engine`, which computes whole pushes."""

    @staticmethod
    def is_available() -> bool:
        return engine.instruction_set() is not None

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool):
        self._owners: list = []
        self.table = engine.packed(weight.numpy(), bias.numpy(), self._owners)
        library, self._path = engine.loaded_engine()
        self._multiply = library.pisada_multiply
        self._address, self._gelu = ctypes.addressof(self.table), int(gelu)
        self._outputs = len(weight)

    def __call__(self, x: Tensor) -> Tensor:
        x = x.contiguous()
        y = torch.empty(len(x), self._outputs + -self._outputs % engine.PANEL)
        self._multiply(self._path, self._address, x.data_ptr(), len(x), self._gelu, y.data_ptr())
        return y[:, : self._outputs].contiguous()


class HalfProduct:
    """FBGEMM's product, on x86: weights in half precision, sums in float32."""

    @staticmethod
    def is_available() -> bool:
        return "fbgemm" in torch.backends.quantized.supported_engines and hasattr(
            torch, "fbgemm_linear_fp16_weight_fp32_activation"
        )

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool):
        _silence_deprecation_once()
        self.packed, self.bias = torch.fbgemm_pack_gemm_matrix_fp16(weight), bias
        self._linear = torch.fbgemm_linear_fp16_weight_fp32_activation
        self.gelu = gelu

    def __call__(self, x: Tensor) -> Tensor:
        y = self._linear(x, self.packed, self.bias)
        return gelu_(y) if self.gelu else y


@cache
def _silence_deprecation_once() -> None:
    """Trigger PyTorch's warning, given once per process, that these functions will be removed. Nobody needs to read
    it: the next backend below is then used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        packed = torch.fbgemm_pack_gemm_matrix_fp16(torch.zeros(16, 16))
        torch.fbgemm_linear_fp16_weight_fp32_activation(torch.zeros(1, 16), packed, torch.zeros(16))


class PackedProduct:
    """oneDNN's product. The weights are packed once, and the GELU is part of it."""

    @staticmethod
    def is_available() -> bool:
        return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool):
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, PACKED_ROWS)
        self.fixed: tuple = (packed, bias, *(("gelu", [], "tanh") if gelu else ("none", [], "")))

    def __call__(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise.default(x, *self.fixed)


class PlainProduct:
    """PyTorch's plain product, always with the same number of rows: with others a row may get other bits."""

    GROUPS = (8, 4, 2, 1)

    @staticmethod
    def is_available() -> bool:
        return True

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool):
        self.weight, self.bias, self.gelu, self.group = weight, bias, gelu, _equal_row_group(PlainProduct.GROUPS)

    def __call__(self, x: Tensor) -> Tensor:
        rows = torch.cat([x, x.new_zeros(-len(x) % self.group, x.shape[1])])
        groups = [nn.functional.linear(group, self.weight, self.bias) for group in rows.split(self.group)]
        y = torch.cat(groups)[: len(x)]
        return gelu_(y) if self.gelu else y


@cache
def _equal_row_group(counts: tuple[int, ...]) -> int:
    """Return the first of ``counts`` at which the plain product gives a row the same bits at every position.

    This is tried out; the result is the last count if none does. MKL on AVX2 adds the last of eight rows in another
    order than the first.
    """
    generator = torch.Generator().manual_seed(1)
    sizes = (*SIZES, (768, 192), (192, 768))
    weights = [torch.randn(outputs, inputs, generator=generator) for outputs, inputs in sizes]
    rows = [torch.randn(1, inputs, generator=generator) for _, inputs in sizes]

    def equal(count: int) -> bool:
        outputs = [nn.functional.linear(x.repeat(count, 1), weight) for x, weight in zip(rows, weights, strict=True)]
        return all(torch.equal(y, y[:1].expand_as(y)) for y in outputs)

    return next((count for count in counts if equal(count)), counts[-1])


def in_one_thread(x: Tensor, elements: int = 1) -> tuple[Tensor, ...]:
    """Split rows into so many parts that PyTorch does not share them among threads.

    PyTorch's loops process vectors, and the rest at the end in another way, with other bits. Each thread has such an
    end.

    Args:
        x: ``[rows, …]``.
        elements: how many numbers are read for each number of ``x``.
    """
    if torch.get_num_threads() == 1 or x.numel() * elements < ELEMENTS_SHARED:
        return (x,)
    return x.split((ELEMENTS_SHARED - 1) // (x.numel() // len(x) * elements))


def gelu_(x: Tensor) -> Tensor:
    """Apply the GELU (tanh form) to ``[rows, width]`` in place; ``width`` is a multiple of ``WIDTH_OF_VECTORS``."""
    for piece in in_one_thread(x):
        _gelu_(piece, approximate="tanh")
    return x


BACKENDS = (NativeProduct, HalfProduct, PackedProduct, PlainProduct)
"""The fastest first."""


@dataclass(frozen=True)
class Backend:
    """A kind of product, and with how many rows its rows have the same bits."""

    kind: type
    counts: RowCounts


def best_backend() -> Backend:
    """Return the fastest backend of this PyTorch that is exact here; the last one if none is."""
    return _best(BACKENDS, engine.instruction_set())


@cache
def _best(kinds: tuple[Any, ...], instruction_set: str | None) -> Backend:
    for kind in kinds:
        if kind.is_available():
            backend = Backend(kind, row_counts(kind.__name__, partial(kind, gelu=False)))
            if backend.counts.always_exact:
                break
    return backend


def computation() -> Computation:
    """Return how PyTorch computes the models of this family."""
    backend, exact = best_backend(), best_backend().counts.always_exact
    name = backend.kind.__name__
    remark = f"{name}; the bits of a row are {'exact with padding' if exact else 'not exact at any number of rows'}"
    if engine.library() is None:
        remark += "; without the engine in C (reinstall with a C compiler) a hop costs about five times as much"
    return Computation(name, exact, remark)


def rows_are_exact() -> bool:
    """Return whether a row's bits were measured not to depend on other rows.

    If so, streaming equals offline processing exactly; if not, up to rounding.
    """
    return best_backend().counts.always_exact


def in_double(a: Tensor, b: Tensor) -> Tensor:
    """Return ``a @ b``, computed in double precision so that every machine rounds to the same numbers."""
    return (a.detach().double() @ b.detach().double()).float()


def rounded(weight: Tensor) -> Tensor:
    """Return the weight rounded to half precision, as float32. Values beyond its range are limited to it."""
    return weight.detach().clamp(-LARGEST, LARGEST).half().float().contiguous()


class Linear:
    """``x @ weight.T + bias`` for a fixed weight, which is rounded, with an optional GELU (tanh form).

    Attributes:
        multiply: the product alone, ``[rows, inputs]`` → ``[rows, outputs]``, for a number of rows from
            ``padded_rows``.
        padded_rows: returns the smallest number of rows, for a number of rows, that keeps a row's bits.
    """

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool = False):
        self.weight, self.bias = rounded(weight), bias.detach().float().contiguous()
        backend = best_backend()
        self.multiply, self.padded_rows = backend.kind(self.weight, self.bias, gelu), backend.counts.padded_rows

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        count = len(rows)
        padding = self.padded_rows(count) - count
        if padding:
            rows = torch.cat([rows, rows.new_zeros(padding, rows.shape[1])])
        return self.multiply(rows)[:count].view(*x.shape[:-1], -1)


class NormalizedLinear(Linear):
    """A layer norm and the linear layer after it."""

    def __init__(self, norm: nn.LayerNorm, linear: nn.Linear, gelu: bool = False):
        super().__init__(linear.weight * norm.weight, linear.bias + in_double(linear.weight, norm.bias), gelu)
        self.width, self.eps = norm.normalized_shape, norm.eps

    def normed(self, x: Tensor) -> Tensor:
        """Return the normalized input of the product."""
        return torch.layer_norm(x, self.width, eps=self.eps)


class SmallLinear:
    """The same for few numbers, unrounded: multiplying and adding here takes less time than calling a product."""

    def __init__(self, weight: Tensor, bias: Tensor):
        self.weight, self.bias = weight.detach().contiguous(), bias.detach().contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(-2) * self.weight).sum(-1).add_(self.bias)
