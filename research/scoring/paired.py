"""Two systems on the same gold: is one better, and could this gold have shown it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from research.records import ResearchError
from research.scoring.corrections import holm
from research.scoring.intervals import block_sizes, bootstrap, percentiles
from research.scoring.rows import Floats, Judged, describe
from research.scoring.seeds import stack

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


class Against(NamedTuple):
    """One of several systems against the same reference: `test.p` for it alone, `p_holm` for all of them together."""

    test: PairedTest
    p_holm: float


def compare(
    a: Judged | Sequence[Judged],
    b: Judged | Sequence[Judged],
    metric: str = "macro_f1",
    draws: int = 10_000,
    seed: int = 0,
) -> PairedTest:
    """Test the difference of two systems that were scored against the same gold. Several Judged are one system trained
    with several seeds, equally many on both sides: metric() is their mean, and an article is drawn, or swapped, with
    its outputs of all seeds together.

    - difference d = metric(a) - metric(b).
    - low, high: 2.5 and 97.5 percentiles of d over bootstrap draws of articles, the same articles for both systems.
    - p: approximate randomisation (Noreen 1989; Yeh 2000, COLING). Were the systems exchangeable, each article's two
      outputs could be swapped; each article is, with probability 1/2, and p = (hits + 1) / (draws + 1), hits the
      draws with |d*| >= |d| (the + 1: Phipson & Smyth 2010, SAGMB 9(1)). The smallest p is 1 / (draws + 1).
    - detectable: 2.8 x the standard deviation of d over the bootstrap draws (Bloom 1995, Evaluation Review 19(5);
      Gelman & Hill 2007, ch. 20). It belongs to this gold and these two systems, not to the difference found.

    Raises ResearchError when keys or gold differ, and on a metric that does not follow from counts.
    """
    runs_a, runs_b = [a] if isinstance(a, Judged) else a, [b] if isinstance(b, Judged) else b
    if len(runs_a) != len(runs_b):
        raise ResearchError(f"a paired test needs equally many seeds of both systems, not {len(runs_a)}, {len(runs_b)}")
    one, other = runs_a[0], runs_b[0]
    check_same_gold(one, other)
    (left, metrics), (right, _) = stack(runs_a), stack(runs_b)

    def measure(table: Floats) -> Floats:
        return metrics(table)[metric]

    known = metrics(left.sum(axis=0))
    if metric not in known:
        raise ResearchError(f"no paired test for metric '{metric}': known are {', '.join(known)}")
    value_a, value_b = float(measure(left.sum(axis=0))), float(measure(right.sum(axis=0)))
    difference = value_a - value_b
    swapped = _swap(left, right, draws, seed)
    hits = np.abs(measure(swapped[0]) - measure(swapped[1])) >= abs(difference) - TIE
    low = high = detectable = None
    if one.articles > 1:
        columns = left.shape[1]
        both = bootstrap(np.hstack([left, right]), draws, seed)
        differences = measure(both[:, :columns]) - measure(both[:, columns:])
        low, high = percentiles(differences, 0.95)
        detectable = DETECTABLE * float(differences.std(ddof=1))
    p = (int(hits.sum()) + 1) / (draws + 1)
    return PairedTest(metric, value_a, value_b, difference, low, high, p, detectable, len(one), one.articles, draws)


def compare_all(
    reference: Judged | Sequence[Judged],
    systems: Mapping[str, Judged | Sequence[Judged]],
    metric: str = "macro_f1",
    draws: int = 10_000,
    seed: int = 0,
) -> dict[str, Against]:
    """`compare` of every system (a) with the reference (b), in the order given. Of many systems one will look better
    by chance: `p_holm` is Holm's correction for their number."""
    tests = {name: compare(system, reference, metric, draws, seed) for name, system in systems.items()}
    adjusted = holm([test.p for test in tests.values()])
    return {name: Against(test, p) for (name, test), p in zip(tests.items(), adjusted, strict=True)}


def check_same_gold(a: Judged, b: Judged) -> None:
    """ResearchError, with the first row that is not the same, unless both hold the same rows and gold labels."""
    if a.keys != b.keys or not np.array_equal(a.gold, b.gold):
        raise ResearchError(
            f"the two systems were not scored on the same gold: {len(a)} and {len(b)} rows, {_first(a, b)}"
        )


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
