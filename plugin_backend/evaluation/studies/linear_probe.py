"""The probe: a logistic regression that recognises labels, to find out what a decoded sound is recognised as.

Its features are the average spectrum and the shape of the envelope (both without level), and YAMNet's embedding. It is
trained on sounds of some sources and tested on others, so it has to learn the label and not the recording. Or it is
trained on other takes of the same sources, which tests only the codec.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from plugin_backend.evaluation.data.dense_clips import trimmed
from plugin_backend.evaluation.embeddings.base import Embedding, windows_of
from plugin_backend.evaluation.metrics.retrieval import descriptor

if TYPE_CHECKING:
    import torch

LONGEST_S, FOLDS = 2.0, 5
RIDGE = 1e-4
"""The best value of 1e-5 to 1e-2 for classes, cross-validated by source on the factory's training sounds alone. For
footstep materials the same test showed no difference (0.06 to 0.09, chance 0.08)."""


def features(audio: np.ndarray, sample_rate: int, embedding: Embedding) -> np.ndarray:
    """Return the probe's features of the first two seconds of a trimmed sound, ``[dims]``.

    Args:
        audio: ``[samples]``.
        sample_rate: in Hz.
        embedding: YAMNet.
    """
    sound = trimmed(audio)[: round(LONGEST_S * sample_rate)]
    sound = sound * (0.5 / max(np.abs(sound).max(initial=0.0), 1e-9))
    points = embedding.embed(windows_of(sound.astype(np.float32), sample_rate, embedding))
    return np.concatenate([descriptor(sound, sample_rate), points.mean(axis=0)])


class Probe:
    """A multinomial logistic regression with a ridge. Labels have equal weight; the same data give the same probe."""

    def __init__(self, points: np.ndarray, labels: list[str]):
        """Train on features ``[n, dims]`` and their labels (at least two different ones)."""
        import torch

        self.labels = sorted(set(labels))
        self.mean, deviation = points.mean(axis=0), points.std(axis=0)
        self.scale = 1 / np.where(deviation > 1e-6, deviation, np.inf) / np.sqrt(points.shape[1])
        x = torch.from_numpy((points - self.mean) * self.scale).double()
        y = torch.tensor([self.labels.index(label) for label in labels])
        counts = Counter(labels)
        balance = torch.tensor([1 / counts[label] / len(counts) for label in labels]).double()
        weights = torch.zeros(x.shape[1], len(self.labels), dtype=torch.float64, requires_grad=True)
        bias = torch.zeros(len(self.labels), dtype=torch.float64, requires_grad=True)
        search = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

        def loss() -> torch.Tensor:
            search.zero_grad()
            wrong = torch.nn.functional.cross_entropy(x @ weights + bias, y, reduction="none")
            total = (balance * wrong).sum() + RIDGE * weights.square().sum()
            total.backward()
            return total

        search.step(loss)
        self.weights, self.bias = weights.detach().numpy(), bias.detach().numpy()

    def probabilities(self, points: np.ndarray) -> np.ndarray:
        """Return the probability of each of :attr:`labels` for features ``[n, dims]``: ``[n, labels]``."""
        scores = (points - self.mean) * self.scale @ self.weights + self.bias
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, points: np.ndarray) -> np.ndarray:
        """Return the index of the most probable label for each row of features, ``[n]``."""
        return self.probabilities(points).argmax(axis=1)


def examine_probe(probe: Probe, points: dict[str, np.ndarray], labels: list[str]) -> dict:
    """Test how well the probe recognises ``labels`` in the originals and in each version of the same sounds.

    Args:
        probe: a trained probe.
        points: by system, features ``[n, dims]``; ``original`` is one of them.
        labels: the true label of each row; rows with labels the probe was not trained on are left out.

    Returns:
        ``chance`` (one over the number of labels), ``majority`` (the share of the most frequent label, which a probe
        that always predicts it would score), ``n``, and per system ``accuracy``, ``balanced_accuracy`` (mean over
        labels), ``agreement`` (share with the same prediction as for the original) and the ``confusion`` matrix of
        counts (rows: truth, columns: prediction, both in the order of ``labels``).
    """
    known = [index for index, label in enumerate(labels) if label in probe.labels]
    truth = np.array([probe.labels.index(labels[index]) for index in known], int)
    return _scores(probe.labels, truth, {name: probe.predict(rows[known]) for name, rows in points.items()})


def examine_takes(points: dict[str, np.ndarray], labels: list[str]) -> dict:
    """Test the same with other takes of the same sources: each sound is tested after training on others of its label.

    The sounds are dealt into :data:`FOLDS` in turn, each label by itself. A probe is trained on the originals of all
    folds but one and tested on that one, original and decoded. So it need not know a label from other sources; it only
    shows whether the codec leaves traces. ``lessons`` is the smallest number of training sounds; everything else is as
    in :func:`examine_probe`.

    Args:
        points: by system, features ``[n, dims]``; ``original`` is one of them.
        labels: the true label of each row. Empty ones, and labels of a single sound, are left out. With fewer than two
            labels there is nothing to test.
    """
    counts = Counter(labels)
    names = sorted(label for label, count in counts.items() if label and count > 1)
    known = [index for index, label in enumerate(labels) if label in names and len(names) > 1]
    truth = np.array([names.index(labels[index]) for index in known], int)
    dealt: Counter[int] = Counter()
    fold = np.zeros(len(known), int)
    for row, label in enumerate(truth.tolist()):
        fold[row] = dealt[label] % FOLDS
        dealt[label] += 1
    predictions = {name: np.zeros(len(known), int) for name in points}
    for left_out in sorted(set(fold)):
        training, test = (np.array(known)[chosen] for chosen in (fold != left_out, fold == left_out))
        probe = Probe(points["original"][training], [labels[index] for index in training])
        for name, rows in points.items():
            predictions[name][fold == left_out] = [names.index(probe.labels[one]) for one in probe.predict(rows[test])]
    fewest = min((int((fold != left_out).sum()) for left_out in set(fold)), default=0)
    return {"lessons": fewest} | _scores(names, truth, predictions)


def _scores(labels: list[str], truth: np.ndarray, predictions: dict[str, np.ndarray]) -> dict:
    """Return the results of :func:`examine_probe` for indices of true and predicted labels, each ``[n]``."""
    result: dict[str, Any] = {"labels": labels, "n": int(truth.size), "chance": 1 / max(len(labels), 1), "systems": {}}
    if not truth.size:
        return result
    result["majority"] = float(np.bincount(truth).max() / truth.size)
    present = sorted(set(truth.tolist()))
    for name, predicted in predictions.items():
        confusion = np.zeros((len(labels), len(labels)), int)
        np.add.at(confusion, (truth, predicted), 1)
        result["systems"][name] = {
            "accuracy": float((predicted == truth).mean()),
            "balanced_accuracy": float(np.mean([(predicted[truth == one] == one).mean() for one in present])),
            "agreement": float((predicted == predictions["original"]).mean()),
            "confusion": confusion.tolist(),
        }
    return result
