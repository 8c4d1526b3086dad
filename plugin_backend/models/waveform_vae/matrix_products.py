"""Products with fixed weights: half-precision weights, float32 everything else, and no row hears how many there are.

A stream pushes two rows through a layer, so what a product costs is fetching its weights and asking for it. Weights of
half the size take half as long to fetch; they are rounded once, the same on every machine, and every way of multiplying
takes the rounded ones. FBGEMM's product is asked for in 2 µs, oneDNN's in 12. With how many rows each gives a row the
same bits is measured (:mod:`~plugin_backend.models.waveform_vae.exact_row_counts`); PyTorch's plain one always gets as
many.
"""

from __future__ import annotations

import ctypes
import warnings
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from plugin_backend.models.waveform_vae import c_engine as engine
from plugin_backend.models.waveform_vae.exact_row_counts import SIZES, RowCounts, row_counts

PACKED_ROWS = 256
"""The number of rows oneDNN's packing is tuned for; any number works."""

WIDTH_OF_VECTORS = 32
"""Numbers that PyTorch's loops take at once, at most: two vectors of AVX-512."""

ELEMENTS_SHARED = 16_384
"""Of so many and more, PyTorch gives some to other threads."""

_gelu_ = torch.ops.aten.gelu_.default

LARGEST = torch.finfo(torch.half).max


class NativeProduct:
    """Our own in C, by which whole pushes are computed too; see :mod:`~plugin_backend.models.waveform_vae.c_engine`."""

    @staticmethod
    def there() -> bool:
        return engine.instruction_set() is not None

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool):
        self._kept: list = []
        self.table = engine.packed(weight, bias, self._kept)
        self._multiply, self._path = (
            engine.library().pisada_multiply,
            engine.instruction_sets()[engine.instruction_set()],
        )
        self._address, self._gelu = ctypes.addressof(self.table), int(gelu)
        self._outputs = len(weight)

    def __call__(self, x: Tensor) -> Tensor:
        x = x.contiguous()
        y = torch.empty(len(x), self._outputs + -self._outputs % engine.PANEL)
        self._multiply(self._path, self._address, x.data_ptr(), len(x), self._gelu, y.data_ptr())
        return y[:, : self._outputs].contiguous()


class HalfProduct:
    """FBGEMM's, on x86: weights in half precision, sums in float32."""

    @staticmethod
    def there() -> bool:
        return "fbgemm" in torch.backends.quantized.supported_engines and hasattr(
            torch, "fbgemm_linear_fp16_weight_fp32_activation"
        )

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool):
        _hear_of_its_end()
        self.packed, self.bias = torch.fbgemm_pack_gemm_matrix_fp16(weight), bias
        self._linear = torch.fbgemm_linear_fp16_weight_fp32_activation
        self.gelu = gelu

    def __call__(self, x: Tensor) -> Tensor:
        y = self._linear(x, self.packed, self.bias)
        return gelu_(y) if self.gelu else y


@cache
def _hear_of_its_end() -> None:
    """PyTorch says once a process that these go one day; then the next way below is taken, so nobody need read it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        packed = torch.fbgemm_pack_gemm_matrix_fp16(torch.zeros(16, 16))
        torch.fbgemm_linear_fp16_weight_fp32_activation(torch.zeros(1, 16), packed, torch.zeros(16))


class PackedProduct:
    """oneDNN's, with weights packed once and the GELU in it."""

    @staticmethod
    def there() -> bool:
        return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool):
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, PACKED_ROWS)
        self.fixed = (packed, bias, *(("gelu", [], "tanh") if gelu else ("none", [], "")))

    def __call__(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise.default(x, *self.fixed)


class PlainProduct:
    """PyTorch's own, always of as many rows: among more or fewer a row may have other bits."""

    GROUPS = (8, 4, 2, 1)

    @staticmethod
    def there() -> bool:
        return True

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool):
        self.weight, self.bias, self.gelu, self.group = weight, bias, gelu, _rows_alike(PlainProduct.GROUPS)

    def __call__(self, x: Tensor) -> Tensor:
        rows = torch.cat([x, x.new_zeros(-len(x) % self.group, x.shape[1])])
        groups = [nn.functional.linear(group, self.weight, self.bias) for group in rows.split(self.group)]
        y = torch.cat(groups)[: len(x)]
        return gelu_(y) if self.gelu else y


@cache
def _rows_alike(counts: tuple[int, ...]) -> int:
    """The first of ``counts`` at which the plain product gives a row the same bits at every place, found by trying;
    the last, where none does. MKL on AVX2 adds up the last of eight rows in another order than the first."""
    draw = torch.Generator().manual_seed(1)
    sizes = (*SIZES, (768, 192), (192, 768))
    weights = [torch.randn(outputs, inputs, generator=draw) for outputs, inputs in sizes]
    row = [torch.randn(1, inputs, generator=draw) for _, inputs in sizes]

    def alike(count: int) -> bool:
        made = [nn.functional.linear(x.repeat(count, 1), weight) for x, weight in zip(row, weights, strict=True)]
        return all(torch.equal(y, y[:1].expand_as(y)) for y in made)

    return next((count for count in counts if alike(count)), counts[-1])


def in_one_thread(x: Tensor, elements: int = 1) -> tuple[Tensor, ...]:
    """Rows in as many pieces as keep PyTorch from sharing them among threads.

    Its loops work on vectors, and on what is left over at the end in another way, to other bits; each thread has such
    an end. ``elements`` is how many are read for each one of ``x``.
    """
    if torch.get_num_threads() == 1 or x.numel() * elements < ELEMENTS_SHARED:
        return (x,)
    return x.split((ELEMENTS_SHARED - 1) // (x.numel() // len(x) * elements))


def gelu_(x: Tensor) -> Tensor:
    """The tanh form, in place, of ``[rows, width]``; ``width`` must be a multiple of ``WIDTH_OF_VECTORS``."""
    for piece in in_one_thread(x):
        _gelu_(piece, approximate="tanh")
    return x


BACKENDS = (NativeProduct, HalfProduct, PackedProduct, PlainProduct)
"""The fastest first."""


@dataclass(frozen=True)
class Backend:
    """A way of multiplying, and with how many rows its rows have the same bits."""

    kind: type
    counts: RowCounts


def best_backend() -> Backend:
    """The fastest that this build of PyTorch has and that can be made exact here; the last, where none can."""
    return _chosen(BACKENDS, engine.instruction_set())


@cache
def _chosen(kinds: tuple[type, ...], taken: str | None) -> Backend:
    for kind in kinds:
        if kind.there():
            found = Backend(kind, row_counts(kind.__name__, lambda weight, bias, kind=kind: kind(weight, bias, False)))
            if found.counts.always_exact:
                break
    return found


def rows_are_exact() -> bool:
    """Whether a row's bits were measured to be its own: then streaming equals offline exactly, else to rounding."""
    return best_backend().counts.always_exact


def in_double(a: Tensor, b: Tensor) -> Tensor:
    """``a @ b`` in double, so that every machine's product rounds to the same numbers."""
    return (a.detach().double() @ b.detach().double()).float()


def rounded(weight: Tensor) -> Tensor:
    """To half precision, as float32; weights beyond its range are brought into it."""
    return weight.detach().clamp(-LARGEST, LARGEST).half().float().contiguous()


class Linear:
    """``x @ weight.T + bias`` with an optional GELU (tanh form), for a fixed weight, which is rounded.

    Attributes:
        multiply: the product alone, ``[rows, inputs]`` → ``[rows, outputs]``, of a number of rows that ``room`` gave.
        room: of a number of rows, the least that keeps a row's bits.
    """

    def __init__(self, weight: Tensor, bias: Tensor, gelu: bool = False):
        self.weight, self.bias = rounded(weight), bias.detach().float().contiguous()
        chosen = best_backend()
        self.multiply, self.room = chosen.kind(self.weight, self.bias, gelu), chosen.counts.room

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        count = len(rows)
        more = self.room(count) - count
        if more:
            rows = torch.cat([rows, rows.new_zeros(more, rows.shape[1])])
        return self.multiply(rows)[:count].view(*x.shape[:-1], -1)


class NormalizedLinear(Linear):
    """A layer norm and the linear layer after it."""

    def __init__(self, norm: nn.LayerNorm, linear: nn.Linear, gelu: bool = False):
        super().__init__(linear.weight * norm.weight, linear.bias + in_double(linear.weight, norm.bias), gelu)
        self.width, self.eps = norm.normalized_shape, norm.eps

    def normed(self, x: Tensor) -> Tensor:
        """Before it is multiplied."""
        return torch.layer_norm(x, self.width, eps=self.eps)


class SmallLinear:
    """The same of a few numbers, unrounded: multiplied and added up, which takes less than asking for a product."""

    def __init__(self, weight: Tensor, bias: Tensor):
        self.weight, self.bias = weight.detach().contiguous(), bias.detach().contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(-2) * self.weight).sum(-1).add_(self.bias)
