"""PE-AV, one space of sounds, pictures and texts (Perception Encoder Audiovisual, Meta 2025, Apache-2.0).

A picture is given to it as a film of one frame. Texts are those of its pair text and sound. Its vision part is a model
of the package ``timm``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from plugin_backend.errors import CheckpointError
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

NAME, REPOSITORY = "pe-av", "facebook/pe-av-large"
SIZE_PIXELS, MIDDLE = 336, (0.5, 0.5, 0.5)
BATCH = 8


class PeAv:
    """The space; see the module's docstring.

    Args:
        weights: folder of the weights.
        download: fetch them if they are not there.

    Raises:
        ProjectError: no folder is named.
        CheckpointError: the weights cannot be used.
        MissingExtraError: transformers is not installed.
    """

    reads_names = False

    def __init__(self, weights: Path | None, download: bool = False):
        transformers = require_transformers(NAME)
        folder = weights_folder(NAME, weights, REPOSITORY, download)
        if not hasattr(transformers, "PeAudioVideoModel"):
            raise CheckpointError(f"transformers {transformers.__version__} has no PE-AV; version 5 or later has it")
        self._model = load_model(folder, "PE-AV", transformers.PeAudioVideoModel.from_pretrained)
        self._tokens = load(folder, "PE-AV's tokenizer", transformers.AutoTokenizer.from_pretrained)
        self._waves = load(folder, "PE-AV's sounds", transformers.PeAudioFeatureExtractor.from_pretrained)
        vision = self._model.config.audio_video_config.video_config.vision_config
        self._pixels = Pixels(folder, int(getattr(vision, "image_size", SIZE_PIXELS)), MIDDLE, MIDDLE)
        self.space, self.licence = f"{NAME}-{weights_digest(folder)}", licence_of(folder)
        self.rate_hz = int(self._waves.sampling_rate)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Return ``[n, dims]`` float32 of length 1."""
        import torch

        points = [np.zeros((0, self._model.config.text_config.hidden_size), np.float32)]
        for start in range(0, len(texts), BATCH):
            encoded = self._tokens(
                list(texts[start : start + BATCH]), padding=True, truncation=True, return_tensors="pt"
            )
            inputs = {name: encoded[name] for name in ("input_ids", "attention_mask")}
            with torch.inference_mode():
                hidden = self._model.text_model(**inputs, output_hidden_states=True).hidden_states[-1][:, 0]
                points.append(self._model.audio_model.text_audio_head(hidden).numpy())
        return unit(np.concatenate(points))

    def embed_audio(self, sounds: Sequence[np.ndarray]) -> np.ndarray:
        """Return ``[n, dims]`` float32 of length 1 for mono sounds ``[samples]`` at ``rate_hz``."""
        import torch

        points = [np.zeros((0, self._model.config.text_config.hidden_size), np.float32)]
        for sound in sounds:
            wave = self._waves(np.asarray(sound, np.float32), sampling_rate=self.rate_hz, return_tensors="pt")
            with torch.inference_mode():
                points.append(self._model.get_audio_embeds(wave["input_values"], wave.get("padding_mask")).numpy())
        return unit(np.concatenate(points))

    def embed_image(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return ``[n, dims]`` float32 of length 1 for RGB pictures ``[height, width, 3]`` uint8."""
        import torch

        points = [np.zeros((0, self._model.config.text_config.hidden_size), np.float32)]
        video = self._model.video_model
        for start in range(0, len(images), BATCH):
            frames = self._pixels.of(images[start : start + BATCH])[:, None]
            with torch.inference_mode():
                points.append(video.video_head(video.video_encoder(pixel_values_videos=frames).pooler_output).numpy())
        return unit(np.concatenate(points))
