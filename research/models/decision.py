"""From probabilities to labels: one threshold per label, or the most probable one; and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from research.models.protocol import Gold, Probabilities
from research.records import Task


def decide(probabilities: Probabilities, thresholds: Sequence[float], task: Task) -> Gold:
    """Shape (rows, labels). Multi-label: every label at or above its threshold, perhaps none. Single-label: exactly
    one, the most probable in proportion to its threshold (of equals the first): a label with half the threshold of
    another one needs half its probability."""
    if task.multi_label:
        return probabilities >= np.asarray(thresholds)
    decided = np.zeros(probabilities.shape, dtype=bool)
    decided[np.arange(len(probabilities)), (probabilities / np.asarray(thresholds)).argmax(axis=1)] = True
    return decided


def confidence(probabilities: Probabilities, decided: Gold, task: Task) -> NDArray[np.float64]:
    """Shape (rows,): the probability that what was decided is right. Multi-label: that every label is, the product of
    each one's, as if they were independent. Single-label: that of the label decided."""
    if task.multi_label:
        return np.asarray(np.where(decided, probabilities, 1 - probabilities).prod(axis=1))
    return np.asarray(np.where(decided, probabilities, 0).sum(axis=1))


def names(row: Sequence[bool], task: Task) -> tuple[str, ...]:
    """The labels that a decided row holds, in the task's order."""
    return tuple(label for label, given in zip(task.labels, row, strict=True) if given)
