"""From probabilities to labels: one threshold per label, or the most probable one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from research.models.protocol import Gold, Probabilities
from research.records import Task


def decide(probabilities: Probabilities, thresholds: Sequence[float], task: Task) -> Gold:
    """Shape (rows, labels). Multi-label: every label at or above its threshold, perhaps none. Single-label: exactly
    one, the most probable (of equals the first); thresholds are then not used."""
    if task.multi_label:
        return probabilities >= np.asarray(thresholds)
    decided = np.zeros(probabilities.shape, dtype=bool)
    decided[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = True
    return decided


def names(row: Sequence[bool], task: Task) -> tuple[str, ...]:
    """The labels that a decided row holds, in the task's order."""
    return tuple(label for label, given in zip(task.labels, row, strict=True) if given)
