"""Several captions of a picture, by BLIP (Li et al. 2022). The same picture and seed give the same captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from plugin_backend.evaluation.joint_spaces.local_weights import (
    Pixels,
    licence_of,
    load,
    load_model,
    require_transformers,
    weights_folder,
)

NAME, REPOSITORY = "blip", "Salesforce/blip-image-captioning-base"
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CAPTIONS, MOST_TOKENS, LIKELY = 20, 30, 0.9
"""Captions of a picture, as in the image-guided sonorization paper; tokens of one; share of the likeliest tokens from
which one is drawn."""


class Captioner:
    """The captioner; see the module's docstring.

    Args:
        weights: folder of BLIP.
        download: fetch it if it is not there.

    Raises:
        ProjectError: no folder is named.
        CheckpointError: the weights cannot be used.
        MissingExtraError: transformers is not installed.
    """

    def __init__(self, weights: Path | None, download: bool = False):
        transformers = require_transformers("captions of pictures")
        folder = weights_folder(NAME, weights, REPOSITORY, download)
        self._model = load_model(folder, "BLIP", transformers.BlipForConditionalGeneration.from_pretrained)
        self._tokens = load(folder, "BLIP's tokenizer", transformers.AutoTokenizer.from_pretrained)
        self._pixels = Pixels(folder, self._model.config.vision_config.image_size, MEAN, DEVIATION)
        self.licence = licence_of(folder)

    def captions(
        self, images: Sequence[np.ndarray], count: int = CAPTIONS, prompt: str = "", seed: int = 0
    ) -> list[list[str]]:
        """Return captions of each picture, each caption once, in the order in which they were drawn.

        Args:
            images: RGB pictures ``[height, width, 3]`` uint8.
            count: number of captions that are drawn; equal ones are returned once.
            prompt: the captions begin with these words.
            seed: of the draws.
        """
        return [self._captions(image, count, prompt, seed) for image in images]

    def _captions(self, image: np.ndarray, count: int, prompt: str, seed: int) -> list[str]:
        import torch

        inputs = {"pixel_values": self._pixels.of([image])}
        if prompt:
            encoded = self._tokens(prompt, truncation=True, max_length=MOST_TOKENS, return_tensors="pt")
            inputs |= {name: encoded[name] for name in ("input_ids", "attention_mask")}
        inputs = {name: tensor.repeat_interleave(count, dim=0) for name, tensor in inputs.items()}
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            torch.manual_seed(seed)
            drawn = self._model.generate(**inputs, do_sample=True, top_p=LIKELY, max_new_tokens=MOST_TOKENS)
        texts = (" ".join(text.split()) for text in self._tokens.batch_decode(drawn, skip_special_tokens=True))
        return list(dict.fromkeys(text for text in texts if text))
