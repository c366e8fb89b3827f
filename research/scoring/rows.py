"""Gold rows and prediction rows, joined into arrays: what every score is computed from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.records import TASKS, ResearchError, Row, Task

Key = tuple[str, str, str, int, int]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """The rows of one task, n of them over L labels, in the order of their keys.

    keys: (task, article_id, claim_id, start, end) of each row. article: (n,) which article a row belongs to,
    numbered from 0 without gaps. gold, predicted: (n, L) bool, columns in the order of `labels`. abstained: (n,)
    bool; such a row predicts nothing. probabilities: (n, L) in [0, 1], a whole row nan where the prediction carried
    none. fields: the slices of each gold row.
    """

    task: Task
    keys: tuple[Key, ...]
    article: Ints
    gold: Bools
    predicted: Bools
    abstained: Bools
    probabilities: Floats
    fields: tuple[Mapping[str, str], ...]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.task.labels

    @property
    def articles(self) -> int:
        """How many articles the rows come from."""
        return int(self.article.max()) + 1 if len(self) else 0

    @property
    def answered(self) -> Bools:
        """(n,) bool: the rows that carry probabilities."""
        return np.asarray(~np.isnan(self.probabilities).any(axis=1))

    def select(self, rows: Bools) -> Judged:
        """The rows where the (n,) mask is true, their articles numbered anew."""
        kept = np.flatnonzero(rows)
        return Judged(
            self.task,
            tuple(self.keys[i] for i in kept),
            np.unique(self.article[kept], return_inverse=True)[1].astype(np.int64),
            self.gold[kept],
            self.predicted[kept],
            self.abstained[kept],
            self.probabilities[kept],
            tuple(self.fields[i] for i in kept),
        )


def join(gold: Iterable[Row], predicted: Iterable[Row]) -> Judged:
    """Pair every gold row with the prediction of the same key; the order of either input does not matter.

    Raises ResearchError on a duplicate, missing or extra row (how many, and the first), on no rows or rows of
    several tasks, on a label the task does not have, on a gold row without judgement, on a single-label row that
    does not hold one label, and on probabilities that are not one number in [0, 1] for every label.
    """
    truth, guess = _by_key(gold, "gold"), _by_key(predicted, "predicted")
    missing = [key for key in truth if key not in guess]
    extra = [key for key in guess if key not in truth]
    if missing or extra:
        found = [_count(missing, "gold", "without prediction"), _count(extra, "predicted", "without gold")]
        raise ResearchError("; ".join(part for part in found if part))
    task = _task(truth)
    keys = tuple(sorted(truth))
    gold_list, guess_list = [truth[key] for key in keys], [guess[key] for key in keys]
    unjudged = [row.key for row in gold_list if row.labels is None]
    if unjudged:
        raise ResearchError(_count(unjudged, "gold", "with labels null: only a prediction can abstain"))
    return Judged(
        task,
        keys,
        np.unique([key[1] for key in keys], return_inverse=True)[1].astype(np.int64),
        _label_matrix(gold_list, task, "gold"),
        _label_matrix(guess_list, task, "predicted"),
        np.array([row.labels is None for row in guess_list]),
        _probability_matrix(guess_list, task),
        tuple(row.fields for row in gold_list),
    )


def _by_key(rows: Iterable[Row], side: str) -> dict[Key, Row]:
    found: dict[Key, Row] = {}
    again = []
    for row in rows:
        key = row.key
        if key in found:
            again.append(key)
        found[key] = row
    if again:
        raise ResearchError(_count(again, side, "given twice"))
    return found


def _task(keys: Iterable[Key]) -> Task:
    names = sorted({key[0] for key in keys})
    if not names:
        raise ResearchError("no rows to score: gold and predictions are both empty")
    if len(names) > 1:
        raise ResearchError(f"rows of several tasks ({', '.join(names)}): score one task at a time")
    if names[0] not in TASKS:
        raise ResearchError(f"unknown task '{names[0]}': known are {', '.join(TASKS)}")
    return TASKS[names[0]]


def _label_matrix(rows: Sequence[Row], task: Task, side: str) -> Bools:
    column = {label: i for i, label in enumerate(task.labels)}
    matrix = np.zeros((len(rows), len(column)), dtype=bool)
    for i, row in enumerate(rows):
        for label in row.labels or ():
            if label not in column:
                raise ResearchError(
                    f"{side} row {describe(row.key)}: unknown label '{label}': {task.name} has {', '.join(column)}"
                )
            matrix[i, column[label]] = True
    if not task.multi_label:
        held = matrix.sum(axis=1)
        wrong = [row.key for i, row in enumerate(rows) if row.labels is not None and held[i] != 1]
        if wrong:
            raise ResearchError(_count(wrong, side, f"without exactly one label of {', '.join(column)}"))
    return matrix


def _probability_matrix(rows: Sequence[Row], task: Task) -> Floats:
    matrix = np.full((len(rows), len(task.labels)), np.nan)
    wrong = []
    for i, row in enumerate(rows):
        if row.probabilities:
            if row.probabilities.keys() == set(task.labels):
                matrix[i] = [row.probabilities[label] for label in task.labels]
            # Written so that nan, which is a number to JSON readers, fails too.
            if not ((matrix[i] >= 0) & (matrix[i] <= 1)).all():
                wrong.append(row.key)
    if wrong:
        raise ResearchError(
            _count(wrong, "predicted", f"without one probability in [0, 1] for each of {', '.join(task.labels)}")
        )
    return matrix


def _count(keys: Sequence[Key], side: str, what: str) -> str:
    rows = "row" if len(keys) == 1 else "rows"
    return f"{len(keys)} {side} {rows} {what}, the first: {describe(keys[0])}" if keys else ""


def describe(key: Key) -> str:
    """A row by its key, for messages: `attribution a1 [10:25]`."""
    task, article_id, claim_id, start, end = key
    claim = f" claim {claim_id}" if claim_id else ""
    return f"{task} {article_id}{claim} [{start}:{end}]"
