"""Every metric with its interval, from a bootstrap over articles.

Articles are resampled, not rows: the sentences of one article are alike, and as if independent they would promise too
narrow an interval (Field & Welsh 2007, JRSS B 69(3), the cluster bootstrap). The interval is the percentile one
(Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13); that of `ece` differs, see `calibration_interval`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

from research.records import Score
from research.scoring.counts import Counts, sum_by_article
from research.scoring.metrics import (
    bin_gaps,
    count_metrics,
    coverage_area,
    precision_area,
    probability_metrics,
    rank,
    squared_errors,
    sureness,
    wrong,
)
from research.scoring.rows import Bools, Floats, Ints, Judged

BLOCK = 2**20  # weights held at once, 8 MB: the draws of a large corpus would not fit in memory together
Interval = tuple[float | None, float | None]
NO_INTERVAL: Interval = (None, None)


def score(judged: Judged, draws: int = 2000, confidence: float = 0.95, seed: int = 0) -> list[Score]:
    """Every metric of `judged`, with an interval of the given confidence.

    low and high are None for a single article and for draws = 0. n and articles count the rows behind a number: of the
    probability metrics those that carry probabilities. The same seed gives the same intervals whatever the order of
    the rows.
    """
    counts = Counts.per_article(judged)
    values = {name: float(value) for name, value in count_metrics(counts.total()).items()}
    found: dict[str, Interval] = {}
    if draws and judged.articles > 1:
        drawn = count_metrics(counts.of(bootstrap(counts.table, draws, seed)))
        found = {name: percentiles(column, confidence) for name, column in drawn.items()}
    scores = _scores(values, found, judged)

    answered = judged.select(judged.answered)
    values, found = probability_metrics(answered), {}
    if draws and answered.articles > 1:
        gaps = bin_gaps(answered)
        sums = sum_by_article(np.column_stack([np.ones(len(answered)), squared_errors(answered), gaps]), answered)
        totals = bootstrap(sums, draws, seed)
        drawn = {"brier": totals[:, 1] / totals[:, 0], **_ranked_draws(answered, draws, seed)}
        found = {name: percentiles(column, confidence) for name, column in drawn.items()}
        found["ece"] = calibration_interval(gaps.sum(axis=0), totals[:, 2:], totals[:, 0], len(answered), confidence)
    return scores + _scores(values, found, answered)


def bootstrap(table: Floats, draws: int, seed: int) -> Floats:
    """Totals (draws, K) of the lines of `table` (articles, K), as many drawn each time as there are, with
    replacement."""
    return np.concatenate([weights @ table for weights in _weights(len(table), draws, seed)])


def percentiles(values: Floats, confidence: float) -> tuple[float, float]:
    """The middle `confidence` of (draws,) values: their (1 - confidence) / 2 quantiles at either end."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def calibration_interval(
    gaps: Floats, drawn: Floats, rows_drawn: Floats, rows: int, confidence: float
) -> tuple[float, float]:
    """The interval of `ece`, from the totals (K,) of `bin_gaps` over so many rows, and their draws (draws, K) over
    rows_drawn (draws,).

    `ece` adds up sizes, so noise in a bin can only raise it: its value lies above the truth (Kumar, Liang & Ma 2019,
    NeurIPS), and the draws lie above the value. Therefore the lower end is reflected, 2 value - upper end (the basic
    bootstrap: Davison & Hinkley 1997, 5.2), and it is 0 where the rows do not refuse perfect calibration, the value
    being within what the draws reach about their own centre. tests/test_coverage_of_intervals.py has how often the
    truth is inside.
    """
    value = float(np.abs(gaps).sum() / rows)
    low, high = percentiles(np.abs(drawn).sum(axis=1) / rows_drawn, confidence)
    centred = np.abs(drawn / rows_drawn[:, None] - gaps / rows).sum(axis=1)
    low = 0.0 if value <= np.quantile(centred, confidence) else 2 * value - high
    return max(0.0, min(low, value)), max(high, value)


def _scores(values: Mapping[str, float], found: Mapping[str, Interval], judged: Judged) -> list[Score]:
    return [
        Score(name, value, *found.get(name, NO_INTERVAL), len(judged), judged.articles)
        for name, value in values.items()
    ]


def _ranked_draws(judged: Judged, draws: int, seed: int) -> dict[str, Floats]:
    """`aurc`, `macro_ap` and `<label>/ap` in every draw, each (draws,). The rows are sorted once: in a draw each one
    counts as often as its article was drawn."""
    sure = _cut_counts(sureness(judged), wrong(judged), judged.article)
    columns = zip(judged.probabilities.T, judged.gold.T, strict=True)
    labels = [_cut_counts(p, y, judged.article, only_hits=True) for p, y in columns]
    blocks = []
    for weights in _weights(judged.articles, draws, seed, width=len(judged)):
        areas = [coverage_area(*(np.cumsum(part @ weights.T, axis=0).T for part in sure))]
        areas += [precision_area(*(np.cumsum(part @ weights.T, axis=0).T for part in label)) for label in labels]
        blocks.append(np.column_stack(areas))
    drawn = np.concatenate(blocks)
    found = {f"{label}/ap": drawn[:, 1 + i] for i, label in enumerate(judged.labels)}
    return {"aurc": drawn[:, 0], "macro_ap": drawn[:, 1:].mean(axis=1), **found}


def _cut_counts(values: Floats, hits: Bools, article: Ints, only_hits: bool = False) -> tuple[csr_matrix, csr_matrix]:
    """Rows and hits of each article between one cut and the next, from the highest of (n,) values to the lowest: both
    (cuts, articles). Added up along the cuts they are what `cuts` counts. `only_hits`: without the cuts that gain
    none, which add nothing to `precision_area`."""
    from scipy.sparse import csr_matrix

    order, last = rank(values)
    if only_hits:
        last = last[np.diff(np.cumsum(hits[order])[last], prepend=0) > 0]
        order = order[: last[-1] + 1] if len(last) else order[:0]
    cut = np.searchsorted(last, np.arange(len(order)))
    shape = (len(last), int(article.max()) + 1)
    rows, hit_rows = np.ones(len(order)), hits[order].astype(np.float64)
    return csr_matrix((rows, (cut, article[order])), shape), csr_matrix((hit_rows, (cut, article[order])), shape)


def _weights(articles: int, draws: int, seed: int, width: int = 0) -> Iterator[Floats]:
    """Blocks (draws of the block, articles): how often each article was drawn. `width`: how many numbers the caller
    makes of a draw, when more than there are articles; it does not change the draws."""
    rng = np.random.default_rng(seed)
    for size in block_sizes(max(articles, width), draws):
        picks = rng.integers(articles, size=(size, articles)) + articles * np.arange(size)[:, None]
        yield np.bincount(picks.ravel(), minlength=size * articles).reshape(size, articles).astype(np.float64)


def block_sizes(width: int, draws: int) -> Iterator[int]:
    """Cut `draws` into blocks of at most BLOCK numbers, `width` of them a draw (or of one draw)."""
    block = max(1, BLOCK // width)
    yield from (min(block, draws - first) for first in range(0, draws, block))
