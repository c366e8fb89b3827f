"""Two systems on the same gold: is one better, and could this gold have shown it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from research.records import ResearchError
from research.scoring.counts import Counts
from research.scoring.intervals import block_sizes, bootstrap, percentiles
from research.scoring.metrics import count_metrics
from research.scoring.rows import Floats, Judged, describe

DETECTABLE = 2.8  # z(.975) + z(.80) = 1.960 + 0.842
TIE = 1e-12  # equal differences reached through other counts may differ in the last bits


@dataclass(frozen=True, slots=True)
class PairedTest:
    """System `a` against `b` in one metric. difference = a - b, in the metric's unit; low and high its 95 % interval;
    p two-sided; detectable the smallest true difference found with 80 % power at .05. low, high and detectable are
    None when there is one article. n rows of so many articles, `draws` for interval and for p each."""

    metric: str
    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    p: float
    detectable: float | None
    n: int
    articles: int
    draws: int


def compare(a: Judged, b: Judged, metric: str = "macro_f1", draws: int = 10_000, seed: int = 0) -> PairedTest:
    """Test the difference of two systems that were scored against the same gold.

    - difference d = metric(a) - metric(b).
    - low, high: 2.5 and 97.5 percentiles of d over bootstrap draws of articles, the same articles for both systems.
    - p: approximate randomisation (Noreen 1989; Yeh 2000, COLING). Were the systems exchangeable, each article's two
      outputs could be swapped; each article is, with probability 1/2, and p = (hits + 1) / (draws + 1), hits the
      draws with |d*| >= |d| (the + 1: Phipson & Smyth 2010, SAGMB 9(1)). The smallest p is 1 / (draws + 1).
    - detectable: 2.8 x the standard deviation of d over the bootstrap draws (Bloom 1995, Evaluation Review 19(5);
      Gelman & Hill 2007, ch. 20). It belongs to this gold and these two systems, not to the difference found.

    Raises ResearchError when keys or gold differ, and on a metric that does not follow from counts.
    """
    if a.keys != b.keys or not np.array_equal(a.gold, b.gold):
        raise ResearchError(
            f"the two systems were not scored on the same gold: {len(a)} and {len(b)} rows, {_first(a, b)}"
        )
    left, right = Counts.per_article(a), Counts.per_article(b)

    def measure(table: Floats) -> Floats:
        return count_metrics(left.of(table))[metric]

    known = count_metrics(left.total())
    if metric not in known:
        raise ResearchError(f"no paired test for metric '{metric}': known are {', '.join(known)}")
    value_a, value_b = float(measure(left.total().table)), float(measure(right.total().table))
    difference = value_a - value_b
    swapped = _swap(left.table, right.table, draws, seed)
    hits = np.abs(measure(swapped[0]) - measure(swapped[1])) >= abs(difference) - TIE
    low = high = detectable = None
    if a.articles > 1:
        columns = left.table.shape[1]
        both = bootstrap(np.hstack([left.table, right.table]), draws, seed)
        differences = measure(both[:, :columns]) - measure(both[:, columns:])
        low, high = percentiles(differences, 0.95)
        detectable = DETECTABLE * float(differences.std(ddof=1))
    p = (int(hits.sum()) + 1) / (draws + 1)
    return PairedTest(metric, value_a, value_b, difference, low, high, p, detectable, len(a), a.articles, draws)


def _swap(left: Floats, right: Floats, draws: int, seed: int) -> tuple[Floats, Floats]:
    """Totals (draws, K) of both systems after each article changed sides with probability 1/2."""
    rng = np.random.default_rng((seed, 1))  # another stream than the bootstrap's
    change = right - left
    change = change[change.any(axis=1)]  # where both systems agree a swap changes nothing
    sizes = block_sizes(max(1, len(change)), draws)
    moved = np.concatenate([rng.integers(2, size=(size, len(change))).astype(np.float64) @ change for size in sizes])
    return left.sum(axis=0) + moved, right.sum(axis=0) - moved


def _first(a: Judged, b: Judged) -> str:
    for key_a, key_b, same in zip(a.keys, b.keys, (a.gold[: len(b)] == b.gold[: len(a)]).all(axis=1), strict=False):
        if key_a != key_b:
            return f"first apart at {describe(key_a)} and {describe(key_b)}"
        if not same:
            return f"first apart in the labels of {describe(key_a)}"
    return "one holds the other"
