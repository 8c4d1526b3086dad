"""The row counts at which a product keeps a row's bits are measured and cached, and rows are padded to them."""

import json
import zlib

import pytest
import torch

from plugin_backend.cpu_info import cpu_info
from plugin_backend.models.waveform_vae import exact_row_counts as row_counts
from plugin_backend.models.waveform_vae import matrix_products as products
from plugin_backend.models.waveform_vae.exact_row_counts import MEASURED, RowCounts, measure
from plugin_backend.models.waveform_vae.matrix_products import BACKENDS, PlainProduct

MOST_ROWS = {"PlainProduct": 512}
"""Largest count for products with equal groups; 4,096 for others."""


class OneByOne:
    """Adds the last of a row's numbers first where rows come in numbers of ``REVERSED``, else as they are."""

    REVERSED = (1, 2, 7, MEASURED - 1)

    def __init__(self, weight, bias, gelu):
        self.weight, self.bias = weight, bias

    @staticmethod
    def is_available():
        return True

    def __call__(self, x):
        last = (len(x) - 1) % MEASURED + 1
        parts = (x[:, None] * self.weight).split(8, 2)
        parts = parts[::-1] if last in self.REVERSED else parts
        y = torch.zeros(len(x), len(self.weight))
        for part in parts:
            y = y + part.sum(2)
        return y + self.bias


class NeverAlike(OneByOne):
    """Makes of a row something else for every number of rows and every place."""

    def __call__(self, x):
        y = super().__call__(x)
        return y * (1 + 1e-6 * len(x) + 1e-6 * torch.arange(len(x))[:, None])


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty cache folder; what is measured is small."""
    monkeypatch.setattr(row_counts, "SIZES", ((4, 64),))
    monkeypatch.setenv("PISADA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def of(kind):
    return lambda weight, bias: kind(weight, bias, False)


def test_the_counts_at_which_a_row_is_added_up_in_another_order_are_found():
    counts = measure(of(OneByOne))
    assert [n for n in range(1, MEASURED + 1) if not counts.exact[n - 1]] == list(OneByOne.REVERSED)
    assert counts.always_exact
    rooms = {1: 3, 2: 3, 3: 3, 6: 6, 7: 8, 119: 120, 120: 120, 121: 123, 127: 128, 240: 240, 3 * 120 + 2: 363}
    assert {rows: counts.padded_rows(rows) for rows in rooms} == rooms


def test_a_layer_makes_such_a_product_exact(home, monkeypatch):
    monkeypatch.setattr(products, "BACKENDS", (OneByOne,))
    assert products.rows_are_exact()
    draw = torch.Generator().manual_seed(0)
    layer = products.Linear(torch.randn(8, 64, generator=draw), torch.randn(8, generator=draw))
    x = torch.randn(2, 60, 64, generator=draw)
    whole = layer(x)
    for rows in (1, 2, 3, 7, 20):
        assert torch.equal(torch.cat([layer(piece) for piece in x.split(rows, 1)], 1), whole), rows


def test_what_cannot_be_made_exact_is_passed_over_and_said_where_nothing_else_is_there(home, monkeypatch):
    assert not measure(of(NeverAlike)).always_exact
    monkeypatch.setattr(products, "BACKENDS", (NeverAlike, PlainProduct))
    assert products.best_backend().kind is PlainProduct
    assert products.rows_are_exact()
    monkeypatch.setattr(products, "BACKENDS", (NeverAlike,))
    assert products.best_backend().kind is NeverAlike
    assert not products.rows_are_exact()


def test_every_way_that_is_there_can_be_made_exact():
    assert {kind.__name__: measure(of(kind)).always_exact for kind in BACKENDS if kind.is_available()} == {
        kind.__name__: True for kind in BACKENDS if kind.is_available()
    }


@pytest.mark.parametrize("kind", [kind for kind in BACKENDS if kind.is_available()], ids=lambda kind: kind.__name__)
def test_beyond_what_was_measured_the_rule_holds_for_every_count(kind):
    """Of every row, at every count to 4,096."""
    most = MOST_ROWS.get(kind.__name__, 4_096)
    counts, draw = measure(of(kind)), torch.Generator().manual_seed(5)
    product = kind(torch.randn(34, 48, generator=draw).half().float(), torch.randn(34, generator=draw), False)
    rows = torch.randn(7, 48, generator=draw).repeat(most // 7 + 20, 1)
    expected = product(rows[:MEASURED])[:7].repeat(most // 7 + 20, 1)
    wrong = []
    for room in sorted({counts.padded_rows(count) for count in range(1, most + 1)}):
        if not torch.equal(product(rows[:room]), expected[:room]):
            wrong.append(room)
    assert wrong == []


def test_what_was_measured_is_kept_by_processor_version_and_way_and_read_again(home, monkeypatch):
    first = row_counts.row_counts("OneByOne", of(OneByOne))
    (file,) = home.rglob("*.json")
    kept = json.loads(file.read_text())
    assert (kept["way"], kept["torch"], kept["name"]) == ("OneByOne", torch.__version__, row_counts.cpu_info().name)
    file.write_text(json.dumps({**kept, "exact": "1" * MEASURED}))  # damaged: its checksum is another's
    assert row_counts.row_counts("OneByOne", of(OneByOne)) == first
    file.write_text(json.dumps({**kept, "exact": "1" * MEASURED, "crc32": zlib.crc32(b"1" * MEASURED)}))
    assert row_counts.row_counts("OneByOne", of(OneByOne)) == RowCounts((True,) * MEASURED)
    monkeypatch.setattr(torch, "__version__", "2.99")
    assert row_counts.row_counts("OneByOne", of(OneByOne)) == first
    assert len(list(home.rglob("*.json"))) == 2


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", '{"exact": "0101"}', '{"exact": 5}', '{"exact": null}', "\0\xff"])
def test_a_damaged_file_is_measured_and_written_again(home, text):
    expected = row_counts.row_counts("OneByOne", of(OneByOne))
    (file,) = home.rglob("*.json")
    whole = file.read_bytes()
    file.write_bytes(text.encode("latin-1"))
    assert row_counts.row_counts("OneByOne", of(OneByOne)) == expected
    assert file.read_bytes() == whole


@pytest.mark.parametrize("name", ["FBGEMM_ENABLE_INSTRUCTIONS", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"])
def test_a_library_with_disabled_features_counts_as_another_processor(home, monkeypatch, name):
    before = row_counts.cpu_info()
    monkeypatch.setenv(name, "avx2")
    cpu_info.cache_clear()
    try:
        assert cpu_info() != before
        assert f"{name}=avx2" in str(cpu_info())
    finally:
        cpu_info.cache_clear()


def test_the_plain_product_gets_as_many_rows_as_come_out_alike(monkeypatch):
    """As by MKL on AVX2, where the last two of eight rows are added up in another order."""
    true = torch.nn.functional.linear

    def linear(x, weight, bias=None):
        return true(x, weight, bias) * torch.where(torch.arange(len(x)) < 6, 1, 1.001)[:, None]

    assert products._equal_row_group.__wrapped__((8, 4, 2, 1)) in (8, 4, 2, 1)
    monkeypatch.setattr(torch.nn.functional, "linear", linear)
    assert products._equal_row_group.__wrapped__((8, 4, 2, 1)) == 4
    assert products._equal_row_group.__wrapped__((12, 8)) == 8  # none does: the last


def test_where_the_cache_cannot_be_written_it_is_measured_and_not_kept(tmp_path, home, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("PISADA_CACHE", str(tmp_path / "file"))
    assert row_counts.row_counts("OneByOne", of(OneByOne)) == measure(of(OneByOne))
    assert (tmp_path / "file").read_text() == "no folder"
