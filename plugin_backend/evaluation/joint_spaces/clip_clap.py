"""CLIP for pictures (Radford et al. 2021) and CLAP for sounds (Wu et al. 2023), with words between them.

The two were trained apart, so their vectors cannot be compared. A picture becomes words first: CLIP says which names of
AudioSet classes fit it. Its vector is the mean of CLAP's vectors of the likeliest names, weighted by their probability.
Sounds and texts are CLAP's own. The folder of the weights holds the subfolders ``clip`` and ``clap``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from plugin_backend.evaluation.embeddings.yamnet import audioset_names
from plugin_backend.evaluation.joint_spaces.base import unit
from plugin_backend.evaluation.joint_spaces.local_weights import (
    Pixels,
    licence_of,
    load,
    load_model,
    require_transformers,
    weights_digest,
    weights_folder,
)

NAME = "clip-clap"
REPOSITORIES = {"clip": "openai/clip-vit-large-patch14", "clap": "laion/clap-htsat-unfused"}
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
LIKELIEST, BATCH = 5, 16


class ClipClap:
    """The space; see the module's docstring.

    Args:
        weights: folder with ``clip`` and ``clap``.
        download: fetch them if they are not there.

    Raises:
        ProjectError: no folder is named.
        CheckpointError: the weights cannot be used.
        MissingExtraError: transformers is not installed.
    """

    reads_names = False

    def __init__(self, weights: Path | None, download: bool = False):
        transformers = require_transformers(NAME)
        clip, clap = (weights_folder(NAME, weights, REPOSITORIES[part], download, part) for part in REPOSITORIES)
        self._clip = load_model(clip, "CLIP", transformers.CLIPModel.from_pretrained)
        self._clap = load_model(clap, "CLAP", transformers.ClapModel.from_pretrained)
        self._clip_tokens = load(clip, "CLIP's tokenizer", transformers.AutoTokenizer.from_pretrained)
        self._clap_tokens = load(clap, "CLAP's tokenizer", transformers.AutoTokenizer.from_pretrained)
        self._spectra = load(clap, "CLAP's spectra", transformers.ClapFeatureExtractor.from_pretrained)
        self._pixels = Pixels(clip, self._clip.config.vision_config.image_size, MEAN, DEVIATION)
        self.space, self.licence = f"{NAME}-{weights_digest(clip, clap)}", licence_of(clip, clap)
        self.rate_hz = int(self._spectra.sampling_rate)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Return ``[n, dims]`` float32 of length 1."""
        return _text_vectors(self._clap, self._clap_tokens, texts)

    def embed_audio(self, sounds: Sequence[np.ndarray]) -> np.ndarray:
        """Return ``[n, dims]`` float32 of length 1 for mono sounds ``[samples]`` at ``rate_hz``."""
        import torch

        points = []
        for sound in sounds:
            spectra = self._spectra(np.asarray(sound, np.float32), sampling_rate=self.rate_hz, return_tensors="pt")
            with torch.inference_mode():
                points.append(self._clap.get_audio_features(**spectra).pooler_output[0].numpy())
        return unit(np.array(points).reshape(len(points), -1))

    def embed_image(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return ``[n, dims]`` float32 of length 1 for RGB pictures ``[height, width, 3]`` uint8."""
        table = self._probabilities(images)
        best = np.argsort(-table, axis=1, kind="stable")[:, :LIKELIEST]
        shares = np.take_along_axis(table, best, axis=1)
        return unit(np.einsum("nk,nkd->nd", shares, self._sound_names[best]))

    def image_words(self, images: Sequence[np.ndarray], most: int = LIKELIEST) -> list[list[tuple[str, float]]]:
        """Return for each picture the names that fit it best, with their probabilities."""
        names = audioset_names()
        return [
            [(names[index], float(row[index])) for index in np.argsort(-row, kind="stable")[:most]]
            for row in self._probabilities(images)
        ]

    @cached_property
    def _sound_names(self) -> np.ndarray:
        return self.embed_text([f"the sound of {name}" for name in audioset_names()])

    @cached_property
    def _picture_names(self) -> np.ndarray:
        return _text_vectors(self._clip, self._clip_tokens, [f"a photo of {name}" for name in audioset_names()])

    def _probabilities(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return how well each AudioSet name fits each picture, ``[n, 521]``; each row has the sum 1."""
        import torch

        points = []
        for start in range(0, len(images), BATCH):
            with torch.inference_mode():
                pixels = self._pixels.of(images[start : start + BATCH])
                points.append(self._clip.get_image_features(pixel_values=pixels).pooler_output.numpy())
        vectors = unit(np.concatenate(points))
        scale = float(self._clip.logit_scale.detach().exp())
        powers = np.exp(scale * (vectors @ self._picture_names.T - 1.0), dtype=np.float64)
        return powers / powers.sum(axis=1, keepdims=True)


def _text_vectors(model, tokens, texts: Sequence[str]) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Return ``[n, dims]`` of length 1 by a model of transformers with ``get_text_features``."""
    import torch

    points = []
    for start in range(0, len(texts), BATCH):
        batch = list(texts[start : start + BATCH])
        encoded = tokens(batch, padding=True, truncation=True, max_length=77, return_tensors="pt")
        inputs = {name: encoded[name] for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            points.append(model.get_text_features(**inputs).pooler_output.numpy())
    return unit(np.concatenate(points)) if points else np.zeros((0, model.config.projection_dim), np.float32)
