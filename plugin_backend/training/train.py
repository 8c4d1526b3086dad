"""Train a waveform VAE on a labelled corpus within a budget of minutes.

python -m plugin_backend.training.train CORPUS --out plugin_backend/factory/foley.safetensors --minutes 90
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import torch

from plugin_backend.corpus.split import FACTORY_HELD_OUT
from plugin_backend.training.compaction import fit_compaction
from plugin_backend.training.losses import SpectralLoss, divergence
from plugin_backend.training.sampler import CropSampler, read_sounds
from plugin_backend.waveform_vae import checkpoint
from plugin_backend.waveform_vae.config import WaveformVAEConfig
from plugin_backend.waveform_vae.model import WaveformVAE

CROP_SAMPLES, BATCH = 32_768, 8
PEAK_RATE, LAST_RATE, WARM_UP_STEPS = 1.2e-3, 1e-5, 300
BETA, BETA_WARM_UP = 1e-3, 0.1
AVERAGE_DECAY = 0.999
SAVE_EVERY_S = 300


def learning_rate(step: int, progress: float) -> float:
    """Linear warm-up by step, then a cosine over ``progress`` (0..1 of the time budget)."""
    cosine = LAST_RATE + (PEAK_RATE - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * min(progress, 1)))
    return cosine * min(1.0, (step + 1) / WARM_UP_STEPS)


def aligned_loss(model: WaveformVAE, spectral: SpectralLoss, audio, edge_hz, beta: float):
    """One pass: sample the posterior, decode, compare with the input the latency ago."""
    latency = model.config.latency
    device = audio.device.type
    with torch.autocast(device, dtype=torch.bfloat16):
        mean, log_variance, _ = model.encoder(audio)
        latents = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        guess, _ = model.decoder(latents)
    reconstruction = spectral(guess[:, latency:].float(), audio[:, :-latency], edge_hz)
    return reconstruction, divergence(mean, log_variance), beta


@torch.no_grad()
def raw_means(model: WaveformVAE, sampler: CropSampler, batches: int) -> torch.Tensor:
    """Posterior means of many crops, ``[frames, dim]``."""
    means = [model.encoder(torch.from_numpy(sampler.batch(BATCH)[0]))[0].flatten(0, 1) for _ in range(batches)]
    return torch.cat(means)


def train(corpus: Path, out: Path, minutes: float, seed: int = 1, say=print) -> None:
    """Train within the budget, saving the averaged weights every few minutes and at the end."""
    torch.manual_seed(seed)
    model = WaveformVAE(WaveformVAEConfig())
    average = copy.deepcopy(model)
    rate_hz = model.config.sample_rate
    sampler = CropSampler(read_sounds(corpus, rate_hz, held_out=False), CROP_SAMPLES, seed)
    held_out = CropSampler(read_sounds(corpus, rate_hz, held_out=True), CROP_SAMPLES, seed)
    judged = [tuple(map(torch.from_numpy, held_out.batch(BATCH))) for _ in range(6)]
    spectral = SpectralLoss(rate_hz)
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.99), weight_decay=1e-2)
    began, saved, step, progress = time.monotonic(), time.monotonic(), 0, 0.0
    say(f"{len(sampler.sounds)} sounds to learn from, {len(held_out.sounds)} held out")

    def save() -> None:
        shares = fit_compaction(average, raw_means(average, sampler, 24))
        record = {
            "seed": seed,
            "steps": step,
            "minutes": round((time.monotonic() - began) / 60, 1),
            "crop_samples": CROP_SAMPLES,
            "batch": BATCH,
            "beta": BETA,
            "held_out_packages": sorted(FACTORY_HELD_OUT),
            "variance_shares": [round(share, 4) for share in shares],
        }
        checkpoint.save(average, out, record)
        with torch.no_grad():
            losses = [aligned_loss(average, spectral, audio, edge, 0.0)[0].item() for audio, edge in judged]
        say(f"step {step}: held-out spectral loss {sum(losses) / len(losses):.4f}; saved", flush=True)

    while progress < 1:
        progress = (time.monotonic() - began) / (60 * minutes)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, progress)
        audio, edge_hz = map(torch.from_numpy, sampler.batch(BATCH))
        beta = BETA * min(1.0, progress / BETA_WARM_UP)
        reconstruction, kl, beta = aligned_loss(model, spectral, audio, edge_hz, beta)
        optimiser.zero_grad(set_to_none=True)
        (reconstruction + beta * kl).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        decay = min(AVERAGE_DECAY, (step + 1) / (step + 10))
        with torch.no_grad():
            for kept, new in zip(average.parameters(), model.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
        if step % 50 == 0:
            pace = (time.monotonic() - began) / (step + 1)
            say(f"step {step}: spectral {reconstruction.item():.3f} kl {kl.item():.2f} {pace:.2f} s/step", flush=True)
        step += 1
        if time.monotonic() - saved > SAVE_EVERY_S:
            save()
            saved = time.monotonic()
    save()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options.corpus, options.out, options.minutes, options.seed)
