"""Read pictures."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from plugin_backend.errors import ProjectError
from plugin_backend.text import in_one_line

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
MOST_PIXELS = 16_384 * 16_384
"""An 8K frame has 33 million."""


def read_image(path: Path) -> np.ndarray:
    """Return a picture as RGB ``[height, width, 3]`` uint8, turned as its EXIF says. Of an animation, the first frame.

    Raises:
        ProjectError: the file is missing, damaged, too large, or of another format.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MOST_PIXELS is checked below
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise ProjectError(f"{path}: {image.width} × {image.height} pixels; at most {MOST_PIXELS} are read")
                return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except UnidentifiedImageError as problem:
        raise ProjectError(f"{path}: not a picture; {', '.join(FORMATS)} can be read") from problem
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        reason = getattr(problem, "strerror", None) or in_one_line(problem)
        raise ProjectError(f"{path}: the picture cannot be read ({reason})") from problem
