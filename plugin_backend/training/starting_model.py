"""What a run starts from: a model, and the records of the runs before it."""

from __future__ import annotations

from plugin_backend.models.registry import checkpoint_path
from plugin_backend.models.waveform_vae import checkpoint
from plugin_backend.models.waveform_vae.checkpoint_header import read_training
from plugin_backend.models.waveform_vae.config import WaveformVAEConfig
from plugin_backend.models.waveform_vae.model import WaveformVAE

LEFT_OUT = {"history", "curve", "held_out_files", "held_out_copies", "variance_shares", "audibility_db"}
LEFT_OUT |= {"fidelity_curve_db"}
"""Of an earlier run's record when a later one goes on from it."""


def training_history(start: str) -> list[dict]:
    """The records of the runs before the one that starts from ``start``, oldest first, curves left out."""
    if start == "scratch":
        return []
    record = read_training(checkpoint_path(start))
    return [*record.get("history", []), {key: value for key, value in record.items() if key not in LEFT_OUT}]


def starting_model(start: str) -> WaveformVAE:
    """A new model for ``scratch``, or the one named."""
    if start == "scratch":
        return WaveformVAE(WaveformVAEConfig.noise_first())
    return checkpoint.load(checkpoint_path(start)).train()
