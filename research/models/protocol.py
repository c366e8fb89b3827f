"""What a model is: the one protocol that every kind keeps, for a sentence, an article or a pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from research.records import Example, Task

Probabilities = NDArray[np.float64]
Gold = NDArray[np.bool_]


def _silent(*_: Any) -> None:
    pass


@dataclass(frozen=True)
class Fitting:
    """What goes on around a long `fit`; kinds that are fitted in seconds need none of it.

    `held_out` are annotated examples that training must not learn from, and `judge` scores their probabilities, higher
    is better. `report(epoch, numbers)` is called after each epoch, `progress(what, done, total)` after each batch.
    `state` is a folder in which an interrupted training finds how far it was; `cache` one for what depends on the texts
    alone, which every fit and `predict_proba` of the same model may use again.
    """

    held_out: Sequence[Example] = ()
    judge: Callable[[Probabilities], float] = lambda _: 0.0
    report: Callable[[int, Mapping[str, float]], None] = _silent
    progress: Callable[[str, int, int], None] = _silent
    state: Path | None = None
    cache: Path | None = None


ALONE = Fitting()


class Model(Protocol):
    """`fit` learns from annotated examples; `predict_proba` gives one row per span, in order."""

    task: Task

    def __init__(self, config: Any, task: Task, seed: int = 0) -> None: ...

    def fit(self, examples: Sequence[Example], fitting: Fitting = ALONE) -> None:
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
