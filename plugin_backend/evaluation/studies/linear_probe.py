"""A small listener: logistic regression that tells labels apart, to ask what a decoded sound is heard as.

It hears the average spectrum and the shape of the envelope (both without level) and YAMNet's
embedding. It learns from sounds of some sources and is asked about others, so it has to have understood
the label and not the recording; or from other takes of the same sources, which asks the codec alone.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from plugin_backend.evaluation.data.dense_clips import trimmed
from plugin_backend.evaluation.embeddings.base import Embedding, windows_of
from plugin_backend.evaluation.metrics.retrieval import descriptor

LONGEST_S, FOLDS = 2.0, 5
RIDGE = 1e-4
"""Of 1e-5 to 1e-2 the best for classes, cross-validated by source on the factory's training sounds alone;
for footstep materials the same test told no difference (0.06 to 0.09, chance 0.08)."""


def features(audio: np.ndarray, sample_rate: int, embedding: Embedding) -> np.ndarray:
    """What the probe hears of the first two seconds of a trimmed sound, ``[dims]``."""
    heard = trimmed(audio)[: round(LONGEST_S * sample_rate)]
    heard = heard * (0.5 / max(np.abs(heard).max(initial=0.0), 1e-9))
    points = embedding.embed(windows_of(heard.astype(np.float32), sample_rate, embedding))
    return np.concatenate([descriptor(heard, sample_rate), points.mean(axis=0)])


class Probe:
    """Multinomial logistic regression with a ridge, each label counting alike; the same lessons, the same probe."""

    def __init__(self, lessons: np.ndarray, labels: list[str]):
        """Learn from features ``[n, dims]`` and their labels (at least two different ones)."""
        import torch

        self.labels = sorted(set(labels))
        self.mean, deviation = lessons.mean(axis=0), lessons.std(axis=0)
        self.scale = 1 / np.where(deviation > 1e-6, deviation, np.inf) / np.sqrt(lessons.shape[1])
        x = torch.from_numpy((lessons - self.mean) * self.scale).double()
        y = torch.tensor([self.labels.index(label) for label in labels])
        counts = Counter(labels)
        balance = torch.tensor([1 / counts[label] / len(counts) for label in labels]).double()
        weights = torch.zeros(x.shape[1], len(self.labels), dtype=torch.float64, requires_grad=True)
        bias = torch.zeros(len(self.labels), dtype=torch.float64, requires_grad=True)
        search = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

        def loss():
            search.zero_grad()
            wrong = torch.nn.functional.cross_entropy(x @ weights + bias, y, reduction="none")
            total = (balance * wrong).sum() + RIDGE * weights.square().sum()
            total.backward()
            return total

        search.step(loss)
        self.weights, self.bias = weights.detach().numpy(), bias.detach().numpy()

    def chances(self, heard: np.ndarray) -> np.ndarray:
        """Of features ``[n, dims]`` the probability of each of :attr:`labels`, ``[n, labels]``."""
        scores = (heard - self.mean) * self.scale @ self.weights + self.bias
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def answers(self, heard: np.ndarray) -> np.ndarray:
        """The most probable label's index for each row of features, ``[n]``."""
        return self.chances(heard).argmax(axis=1)


def examine_probe(probe: Probe, heard: dict[str, np.ndarray], labels: list[str]) -> dict:
    """How well the probe tells ``labels`` in the originals and in each version of the same sounds.

    Args:
        probe: a trained probe.
        heard: per system features ``[n, dims]``, ``original`` among them.
        labels: the truth for each row; rows of labels never taught are left out.

    Returns:
        ``chance`` (one over the labels taught), ``majority`` (the share of the commonest label asked, which
        a probe that always gave it would score), ``n``, and per system ``accuracy``,
        ``balanced_accuracy`` (mean over labels), ``agreement`` (share answered as for the original) and
        the ``confusion`` matrix of counts (rows: truth, columns: answer, both in ``labels`` order).
    """
    known = [index for index, label in enumerate(labels) if label in probe.labels]
    truth = np.array([probe.labels.index(labels[index]) for index in known], int)
    return _told(probe.labels, truth, {name: probe.answers(points[known]) for name, points in heard.items()})


def examine_takes(heard: dict[str, np.ndarray], labels: list[str]) -> dict:
    """The same, of the same sources' other takes: each sound is asked about when others of its label were learned.

    The sounds are dealt into :data:`FOLDS` in turn, each label by itself; a probe learns the originals of all folds but
    one and is asked about that one, original and decoded. So it need not understand a label beyond these sources, only
    hear whether the codec leaves its marks. ``lessons`` is how many the probe that learned fewest did; ``chance`` and
    all else are as in :func:`examine`.

    Args:
        heard: per system features ``[n, dims]``, ``original`` among them.
        labels: the truth for each row; empty ones, and those of one sound alone, are left
            out; fewer than two labels leave nothing to tell.
    """
    counts = Counter(labels)
    names = sorted(label for label, count in counts.items() if label and count > 1)
    known = [index for index, label in enumerate(labels) if label in names and len(names) > 1]
    truth, dealt = np.array([names.index(labels[index]) for index in known], int), Counter()
    fold = np.zeros(len(known), int)
    for place, label in enumerate(truth):
        fold[place] = dealt[label] % FOLDS
        dealt[label] += 1
    answers = {name: np.zeros(len(known), int) for name in heard}
    for left_out in sorted(set(fold)):
        learned, asked = (np.array(known)[chosen] for chosen in (fold != left_out, fold == left_out))
        probe = Probe(heard["original"][learned], [labels[index] for index in learned])
        for name, points in heard.items():
            answers[name][fold == left_out] = [names.index(probe.labels[one]) for one in probe.answers(points[asked])]
    lessons = min((int((fold != left_out).sum()) for left_out in set(fold)), default=0)
    return {"lessons": lessons} | _told(names, truth, answers)


def _told(labels: list[str], truth: np.ndarray, answers: dict[str, np.ndarray]) -> dict:
    """What :func:`examine` answers, of the indices of labels that are true and that were answered, each ``[n]``."""
    result = {"labels": labels, "n": int(truth.size), "chance": 1 / max(len(labels), 1), "systems": {}}
    if not truth.size:
        return result
    result["majority"] = float(np.bincount(truth).max() / truth.size)
    asked = sorted(set(truth.tolist()))
    for name, given in answers.items():
        confusion = np.zeros((len(labels), len(labels)), int)
        np.add.at(confusion, (truth, given), 1)
        result["systems"][name] = {
            "accuracy": float((given == truth).mean()),
            "balanced_accuracy": float(np.mean([(given[truth == one] == one).mean() for one in asked])),
            "agreement": float((given == answers["original"]).mean()),
            "confusion": confusion.tolist(),
        }
    return result
