"""One system trained with several seeds: its score is the mean of theirs.

The mean over seeds is one statistic of the articles. So an article is drawn, or changes sides, with the outputs of all
seeds together: an interval tells what other articles would have changed, and nothing about other seeds, whose spread
is a number of its own (Bouthillier et al. 2021, MLSys, tell the two sources of variance apart).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from research.records import ResearchError, Score
from research.scoring.counts import Counts
from research.scoring.intervals import NO_INTERVAL, bootstrap, percentiles
from research.scoring.metrics import count_metrics
from research.scoring.rows import Floats, Judged

Measure = Callable[[Floats], dict[str, Floats]]


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """A metric over seeds: mean and standard deviation (n - 1 below the line; None for a single seed), in its unit."""

    mean: float
    sd: float | None
    seeds: int


def seed_spread(values: Sequence[float]) -> SeedSpread:
    """How far chance in training moves a metric: its values of one system trained with several seeds, on one gold.

    This is no sampling error and goes into no interval: more articles would not make it smaller, nor more seeds the
    interval narrower (Reimers & Gurevych 2017, EMNLP, on reporting both). Raises ValueError without values.
    """
    if not values:
        raise ValueError("no values: a spread needs at least one seed")
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return SeedSpread(float(np.mean(values)), sd, len(values))


def stack(runs: Sequence[Judged]) -> tuple[Floats, Measure]:
    """Counts of S runs side by side (articles, S K), and from such a table (..., S K) the mean over the runs of every
    metric that follows from counts, each (...). ResearchError when the runs were not judged on the same gold."""
    first = runs[0]
    for other in runs[1:]:
        if other.keys != first.keys or not np.array_equal(other.gold, first.gold):
            raise ResearchError("the seeds of one system were not scored on the same gold")
    counts = [Counts.per_article(run) for run in runs]
    columns = counts[0].table.shape[1]

    def measure(table: Floats) -> dict[str, Floats]:
        apart = counts[0].of(table.reshape(*table.shape[:-1], len(runs), columns))
        return {name: values.mean(axis=-1) for name, values in count_metrics(apart).items()}

    return np.hstack([one.table for one in counts]), measure


def score_seeds(runs: Sequence[Judged], draws: int = 2000, confidence: float = 0.95, seed: int = 0) -> list[Score]:
    """The mean over the runs of every metric from counts, with its interval; of one run what `score` gives."""
    table, measure = stack(runs)
    n, articles = len(runs[0]), runs[0].articles
    drawn = measure(bootstrap(table, draws, seed)) if articles > 1 and draws else {}
    scores = []
    for name, value in measure(table.sum(axis=0)).items():
        low, high = percentiles(drawn[name], confidence) if drawn else NO_INTERVAL
        scores.append(Score(name, float(value), low, high, n, articles))
    return scores
