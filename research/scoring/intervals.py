"""Every metric with its interval, from a bootstrap over articles.

Articles are resampled, not rows: the sentences of one article are alike, and as if independent they would promise too
narrow an interval (Field & Welsh 2007, JRSS B 69(3), the cluster bootstrap). The interval is the percentile one
(Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from research.records import Score
from research.scoring.counts import Counts, sum_by_article
from research.scoring.metrics import count_metrics, probability_metrics, squared_errors
from research.scoring.rows import Floats, Judged

BLOCK = 2**20  # weights held at once, 8 MB: the draws of a large corpus would not fit in memory together
NO_INTERVAL: tuple[float | None, float | None] = (None, None)


def score(judged: Judged, draws: int = 2000, confidence: float = 0.95, seed: int = 0) -> list[Score]:
    """Every metric of `judged`, with the interval of the given confidence where one is cheap and honest.

    The metrics from counts and `brier` have intervals; low and high are None for `<label>/ap` (it would have to be
    sorted anew in every draw), for `ece` (resampling adds noise to every bin, so that its draws lie above its value),
    for a single article and for draws = 0. n and articles count the rows behind a number: of the probability metrics
    those that carry probabilities. The same seed gives the same intervals whatever the order of the rows.
    """
    counts = Counts.per_article(judged)
    found = _intervals(counts.table, lambda table: count_metrics(counts.of(table)), draws, confidence, seed)
    scores = []
    for name, value in count_metrics(counts.total()).items():
        low, high = found.get(name, NO_INTERVAL)
        scores.append(Score(name, float(value), low, high, len(judged), judged.articles))

    answered = judged.select(judged.answered)
    errors = sum_by_article(np.column_stack([squared_errors(answered), np.ones(len(answered))]), answered)
    found = _intervals(errors, lambda table: {"brier": table[:, 0] / table[:, 1]}, draws, confidence, seed)
    for name, probable in probability_metrics(answered).items():
        low, high = found.get(name, NO_INTERVAL)
        scores.append(Score(name, probable, low, high, len(answered), answered.articles))
    return scores


def bootstrap(table: Floats, draws: int, seed: int) -> Floats:
    """Totals (draws, K) of the lines of `table` (articles, K), as many drawn each time as there are, with
    replacement."""
    return np.concatenate([weights @ table for weights in _weights(len(table), draws, seed)])


def percentiles(values: Floats, confidence: float) -> tuple[float, float]:
    """The middle `confidence` of (draws,) values: their (1 - confidence) / 2 quantiles at either end."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _intervals(
    table: Floats, metrics: Callable[[Floats], dict[str, Floats]], draws: int, confidence: float, seed: int
) -> dict[str, tuple[float | None, float | None]]:
    if len(table) < 2 or not draws:
        return {}
    found = metrics(bootstrap(table, draws, seed))
    return {name: percentiles(values, confidence) for name, values in found.items()}


def _weights(articles: int, draws: int, seed: int) -> Iterator[Floats]:
    """Blocks (draws of the block, articles): how often each article was drawn."""
    rng = np.random.default_rng(seed)
    for size in block_sizes(articles, draws):
        picks = rng.integers(articles, size=(size, articles)) + articles * np.arange(size)[:, None]
        yield np.bincount(picks.ravel(), minlength=size * articles).reshape(size, articles).astype(np.float64)


def block_sizes(articles: int, draws: int) -> Iterator[int]:
    """Cut `draws` into blocks of at most BLOCK weights (or of one draw)."""
    block = max(1, BLOCK // articles)
    yield from (min(block, draws - first) for first in range(0, draws, block))
