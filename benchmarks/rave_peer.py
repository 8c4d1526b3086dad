"""Build RAVE as its export leaves it: from its own code and configurations, scripted, with random weights.

`sh benchmarks/install_rave.sh` installs it beside the project's packages.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor, nn

CONFIGS = ("v2_small", "v1")
RATIO = {"v2_small": 512, "v1": 2048}
RECORDED = {
    "v2_small": {"encode": 0.031, "decode": 0.035, 512: 0.839, 1024: 0.655, 2048: 0.341, 4096: 0.170},
    "v1": {"encode": 0.008, "decode": 0.065, 2048: 0.479, 4096: 0.607},
}
"""CPU time / audio time noted earlier for RAVE 2.3.1 (causal, 48 kHz, latent 128), shown when it is not installed."""


def give_back_old_functions() -> None:
    """Restore three functions of SciPy 1.10 that RAVE 2.3.1 calls.

    One has moved, one no longer takes an array of one number, and one names the rate differently.
    """
    from scipy import signal

    if hasattr(signal, "kaiser"):
        return
    firwin, kaiserord = signal.firwin, signal.kaiserord
    signal.kaiser = signal.windows.kaiser
    signal.kaiserord = lambda ripple, width: kaiserord(ripple, float(np.ravel(width)[0]))
    signal.firwin = lambda *args, nyq, **named: firwin(*args, fs=2 * nyq, **named)


def installed() -> bool:
    give_back_old_functions()
    try:
        import cached_conv  # noqa: F401
        import gin  # noqa: F401
        import rave  # noqa: F401
    except ImportError as problem:
        print(f"RAVE is not measured: {problem}")
        return False
    return True


class Exported(nn.Module):
    """The module that RAVE's export scripts: ``[1, 1, samples]`` in and out, all latents kept."""

    def __init__(self, whole: nn.Module):
        super().__init__()
        self.pqmf, self.encoder, self.decoder = whole.pqmf, whole.encoder, whole.decoder
        self.register_buffer("latent_pca", whole.latent_pca)
        self.register_buffer("latent_mean", whole.latent_mean)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        z = self.encoder.reparametrize(self.encoder(self.pqmf(x)))[0]
        return nn.functional.conv1d(z - self.latent_mean.unsqueeze(-1), self.latent_pca.unsqueeze(-1))

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        z = nn.functional.conv1d(z, self.latent_pca.T.unsqueeze(-1)) + self.latent_mean.unsqueeze(-1)
        return self.pqmf.inverse(self.decoder(z))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


def build(config: str, streaming: bool) -> torch.jit.ScriptModule:
    """Return a causal 48 kHz RAVE of ``config``, scripted; ``streaming`` gives its convolutions caches."""
    give_back_old_functions()
    import cached_conv
    import gin
    import rave

    gin.clear_config()
    gin.parse_config_files_and_bindings([f"{config}.gin", "causal.gin"], ["SAMPLING_RATE = 48000"])
    cached_conv.use_cached_conv(streaming)
    torch.manual_seed(0)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = rave.RAVE().eval()
        whole.decoder.set_warmed_up(True)  # a finished v1 adds its noise
        for module in whole.modules():
            if hasattr(module, "weight_g"):
                nn.utils.remove_weight_norm(module)
        exported = Exported(whole)
        exported(torch.zeros(1, 1, 2**14))  # caches are made at the first call, and scripting wants them there
        return torch.jit.script(exported)
