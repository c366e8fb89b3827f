"""Two systems label by label: the rows that exactly one of them gets right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from research.scoring.corrections import holm
from research.scoring.paired import DETECTABLE, check_same_gold
from research.scoring.rows import Judged


@dataclass(frozen=True, slots=True)
class McNemar:
    """System `a` against `b` in one label of n rows. a_only, b_only: the rows where only that one is right.
    difference: (a_only - b_only) / n, a's share of right rows less b's. p: two-sided and exact; p_holm: corrected for
    the number of labels. detectable: the smallest true difference found with 80 % power at .05."""

    label: str
    a_only: int
    b_only: int
    difference: float
    p: float
    p_holm: float
    detectable: float
    n: int


def mcnemar(a: Judged, b: Judged) -> list[McNemar]:
    """McNemar's test for every label (McNemar 1947, Psychometrika 12(2)), in its exact form: were both systems as
    good, the rows that only one of them gets right would be heads and tails of a fair coin.

    A row is right in a label when gold and prediction both have it or both do not; an abstention predicts no label.
    The test treats rows as INDEPENDENT. The sentences of one article are not, so its p is too small for them, more so
    the longer the articles; it is honest for one row per article (task primary). To say that one system is better use
    `compare`, which resamples articles. `detectable` is 2.8 standard errors of the difference (Fleiss, Levin & Paik
    2003, Statistical Methods for Rates and Proportions, 13.2), under the same assumption.

    Raises ResearchError when keys or gold differ.
    """
    from scipy.stats import binomtest

    check_same_gold(a, b)
    right_a, right_b = a.gold == a.predicted, b.gold == b.predicted
    only_a, only_b = (right_a & ~right_b).sum(axis=0).tolist(), (right_b & ~right_a).sum(axis=0).tolist()
    n = len(a)
    p_values = [float(binomtest(x, x + y).pvalue) if x + y else 1.0 for x, y in zip(only_a, only_b, strict=True)]
    found = []
    for label, x, y, p, p_holm in zip(a.labels, only_a, only_b, p_values, holm(p_values), strict=True):
        error = float(np.sqrt(x + y - (x - y) ** 2 / n)) / n
        found.append(McNemar(label, x, y, (x - y) / n, p, p_holm, DETECTABLE * error, n))
    return found
