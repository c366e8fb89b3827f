"""Decisions as counts per article. They add up, so that resampling articles is one matrix product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from research.records import UNRELATED
from research.scoring.rows import Floats, Judged


@dataclass(frozen=True, eq=False, slots=True)
class Counts:
    """Counts over some set of rows, or over many sets at once: every property keeps the leading axes `...`.

    table: (..., 3 L + 3): true positives, false positives and false negatives of the L labels, then the rows, the rows
    whose whole label set is right, and those where gold and prediction both hold a label other than `unrelated`.
    Whole numbers held as floats, exact up to 2**53.
    """

    table: Floats
    labels: tuple[str, ...]
    multi_label: bool

    @classmethod
    def per_article(cls, judged: Judged) -> Counts:
        """One line for each article: table (articles, 3 L + 3)."""
        gold, predicted = judged.gold, judged.predicted
        related = np.array([label != UNRELATED for label in judged.labels])
        rows = np.column_stack(
            [
                gold & predicted,
                ~gold & predicted,
                gold & ~predicted,
                np.ones(len(judged), dtype=bool),
                # An empty set is an answer (background), an abstention is none: it is never right.
                (gold == predicted).all(axis=1) & ~judged.abstained,
                gold[:, related].any(axis=1) & predicted[:, related].any(axis=1),
            ]
        )
        return cls(sum_by_article(rows, judged), judged.labels, judged.task.multi_label)

    def total(self) -> Counts:
        """The counts of all articles together: table (3 L + 3,)."""
        return self.of(self.table.sum(axis=0))

    def of(self, table: Floats) -> Counts:
        """Counts of the same labels with another table."""
        return Counts(table, self.labels, self.multi_label)

    @property
    def tp(self) -> Floats:
        return self.table[..., : len(self.labels)]

    @property
    def fp(self) -> Floats:
        return self.table[..., len(self.labels) : 2 * len(self.labels)]

    @property
    def fn(self) -> Floats:
        return self.table[..., 2 * len(self.labels) : 3 * len(self.labels)]

    @property
    def rows(self) -> Floats:
        return self.table[..., -3]

    @property
    def exact(self) -> Floats:
        return self.table[..., -2]

    @property
    def related(self) -> Floats:
        return self.table[..., -1]


def sum_by_article(columns: np.ndarray, judged: Judged) -> Floats:
    """(n, K) numbers or booleans by row, added up to (articles, K)."""
    sums = [np.bincount(judged.article, weights=column, minlength=judged.articles) for column in columns.T]
    return np.column_stack(sums)
