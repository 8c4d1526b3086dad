"""Which engine computes, and its products and constants."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from plugin_backend.errors import ProjectError
from plugin_backend.exactness import compute_info_for
from plugin_backend.models.waveform_vae import c_engine as engine
from plugin_backend.models.waveform_vae import matrix_products as products
from plugin_backend.models.waveform_vae import noise_head
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.fast_inference import FastEncoder
from plugin_backend.models.waveform_vae.model import WaveformVAE

pytestmark = pytest.mark.skipif(
    engine.instruction_set() is None, reason="the engine was not built, or is not taken here"
)


@pytest.mark.parametrize("path", [*engine.instruction_sets()])
@pytest.mark.parametrize(("outputs", "inputs"), [(1, 1), (64, 8), (65, 100), (200, 33)])
def test_a_product_is_the_product_and_a_row_its_own(path, outputs, inputs, monkeypatch):
    monkeypatch.setenv(engine.CHOICE, path)
    draw = torch.Generator().manual_seed(outputs)
    weight, bias = torch.randn(outputs, inputs, generator=draw), torch.randn(outputs, generator=draw)
    weight[0, 0] = 3e-7  # half precision has it without its leading digit
    weight = products.rounded(weight)
    x = torch.randn(19, inputs, generator=draw)
    product = products.NativeProduct(weight, bias, gelu=True)
    expected = torch.nn.functional.gelu(x.double() @ weight.double().T + bias.double(), approximate="tanh")
    assert (product(x) - expected).abs().max() < 1e-5 * expected.abs().max()
    for rows in range(1, 19):
        assert torch.equal(torch.cat([product(part) for part in x.split(rows)]), product(x))


def test_without_the_engine_pytorch_computes(monkeypatch):
    monkeypatch.setenv(engine.CHOICE, "none")
    assert engine.instruction_set() is None and products.best_backend().kind is not products.NativeProduct
    assert FastEncoder(WaveformVAE(WaveformVAEConfig.noise_first()))._native is None
    monkeypatch.setenv(engine.CHOICE, "avx1024")
    with pytest.raises(ProjectError, match="avx1024.*plain.*none"):
        engine.instruction_set()
    monkeypatch.delenv(engine.CHOICE)
    with monkeypatch.context() as patch:  # a processor of 2008
        patch.setattr(engine, "instruction_sets", lambda: {"plain": 0})
        assert engine.instruction_set() is None
        patch.setenv(engine.CHOICE, "plain")
        assert engine.instruction_set() == "plain"
    monkeypatch.setattr(engine, "library", lambda: None)
    assert engine.instruction_sets() == {} and engine.instruction_set() is None


def test_the_report_names_the_engine():
    computed = compute_info_for(["foley"])
    assert (computed.products, computed.exact) == ("NativeProduct", True)
    code = "from plugin_backend.exactness import compute_info_for; print(compute_info_for(['foley']))"
    environment = {**os.environ, engine.CHOICE: "none"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert "NativeProduct" not in result.stdout and f"{engine.CHOICE}=none" in result.stdout


def test_constants_that_both_have_are_the_same():
    source = (Path(engine.__file__).parents[2] / "native" / "engine.h").read_text()
    assert f"#define PANEL {engine.PANEL} " in source
    assert f"#define BANDS {noise_head.BANDS} " in source
