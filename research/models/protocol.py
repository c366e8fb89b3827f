"""What a model is: the one protocol that every kind keeps, for a sentence, an article or a pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from research.records import Example, Task

Probabilities = NDArray[np.float64]
Gold = NDArray[np.bool_]


class Model(Protocol):
    """`fit` learns from annotated examples; `predict_proba` gives one row per span, in order."""

    task: Task

    def __init__(self, config: Any, task: Task, seed: int = 0) -> None: ...

    def fit(self, examples: Sequence[Example]) -> None:
        """Learn from examples whose `gold` is filled in."""

    def predict_proba(self, examples: Sequence[Example]) -> Probabilities:
        """Shape (spans of all examples, labels of the task). Multi-label rows need not sum to 1."""

    def save(self, folder: Path) -> None:
        """Write the fitted state below `folder` as JSON and safetensors: data, never code."""

    def load(self, folder: Path) -> None:
        """Read what `save` wrote into a model made with the same config and task."""


def gold_matrix(examples: Sequence[Example], task: Task) -> Gold:
    """Shape (spans, labels): which labels each span carries."""
    column = {label: i for i, label in enumerate(task.labels)}
    rows = [labels for example in examples for labels in example.gold]
    matrix = np.zeros((len(rows), len(task.labels)), dtype=bool)
    for i, labels in enumerate(rows):
        matrix[i, [column[label] for label in labels]] = True
    return matrix


def groups(examples: Sequence[Example]) -> NDArray[np.int64]:
    """Shape (spans,): a number per article, the unit that folds must not cut."""
    number: dict[str, int] = {}
    ids = [number.setdefault(e.article.article_id, len(number)) for e in examples for _ in e.spans]
    return np.array(ids, dtype=np.int64)
