"""The share of each label in new articles, corrected for what the classifier gets wrong, with an interval.

Counting decisions gives a biased share (Forman 2008, Data Mining and Knowledge Discovery 17). Three corrections, none
of which fits all data:

calibrated  the mean probability, put right by the regression of gold on probability in the out-of-fold rows. Right when
            a text of a kind means the same in new articles; labels given by reading are like that (Card & Smith 2018,
            NAACL), and on the outlets of attribution-gold it errs least by far (experiments/LOG.md).
adjusted    (raw - fpr) / (tpr - fpr) (Rogan & Gladen 1978, American Journal of Epidemiology 107). Right when the texts
            of a label are of the same kind in new articles, and only their number differs: when articles were chosen
            by their label.
em          the same assumption, from probabilities instead of decisions: `prior_shift`.

The interval is that of the stream from which the articles were drawn: articles are resampled, the classified ones and
those that the error rates come from. It knows nothing of a stream where the assumption fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit, ndtr, stdtrit

from research.scoring.intervals import bootstrap, percentiles
from research.scoring.prior_shift import shares
from research.scoring.rows import Floats, Judged

Method = Literal["calibrated", "adjusted", "em"]
FEWEST = 20  # articles; with fewer the interval is right too seldom (experiments/LOG.md)
BINS = np.linspace(-7, 7, 57)  # edges on the logit scale: probabilities this close are one to `em`
ERROR_SUMS, SAMPLE_SUMS = 6, 2


@dataclass(frozen=True, slots=True)
class Share:
    """One label's share of the sentences, corrected, with its interval, and the raw share of decisions beside it.
    share, low and high are None where they cannot be had; `note` says why."""

    label: str
    share: float | None
    low: float | None
    high: float | None
    raw: float
    articles: int
    sentences: int
    note: str


def error_sums(judged: Judged) -> Floats:
    """What the corrections need of out-of-fold rows: (articles, 1 + 6 L), of each article its rows and, in blocks of
    L, the sums of: gold and decided, decided, gold, p, p squared, p where gold."""
    gold, decided, p = judged.gold, judged.predicted, judged.probabilities
    columns = np.column_stack([np.ones(len(judged)), gold & decided, decided, gold, p, p**2, p * gold])
    table = np.zeros((judged.articles, columns.shape[1]))
    np.add.at(table, judged.article, columns)
    return table


def sample_sums(decided: Floats, probabilities: Floats) -> Floats:
    """One classified article, (sentences, L) both, as a line of `prevalence`: (1 + 2 L + L B,), its sentences, the sums
    of decisions and of probabilities, and how many sentences lie in each of the B bins."""
    edges = expit(BINS[1:-1])
    counts = [np.bincount(np.searchsorted(edges, p), minlength=len(BINS) - 1) for p in probabilities.T]
    return np.concatenate([[len(decided)], decided.sum(axis=0), probabilities.sum(axis=0), *counts])


def prevalence(
    labels: Sequence[str],
    sample: Floats,
    errors: Floats,
    method: Method = "calibrated",
    draws: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[Share]:
    """The share of each of the L labels. sample: lines of `sample_sums`; errors: lines of `error_sums`."""
    size = len(labels)
    sample = sample if method == "em" else sample[:, : 1 + SAMPLE_SUMS * size]  # the bins are wide
    sentences = int(sample[:, 0].sum())
    if not sentences:
        return [Share(label, None, None, None, 0.0, len(sample), 0, "no sentences") for label in labels]
    correct = METHODS[method]
    raw = sample[:, 1 : 1 + size].sum(axis=0) / sentences
    found = correct(sample.sum(axis=0), errors.sum(axis=0), size)
    few = min(len(sample), len(errors)) < FEWEST
    drawn = None if few else correct(bootstrap(sample, draws, seed), bootstrap(errors, draws, seed + 1), size)
    out = []
    for i, label in enumerate(labels):
        share, low, high, note = float(found[i]), None, None, ""
        if np.isnan(share):
            note = "the classifier does not find this label: nothing to correct with"
        elif drawn is None:
            note = f"no interval: fewer than {FEWEST} articles"
        elif np.isnan(drawn[:, i]).any():
            note = "no interval: too few articles with this label behind the error rates"
        else:
            low, high = percentiles(drawn[:, i], _widened(confidence, len(sample)))
        out.append(
            Share(label, None if np.isnan(share) else share, low, high, float(raw[i]), len(sample), sentences, note)
        )
    return out


def _calibrated(sample: Floats, errors: Floats, size: int) -> Floats:
    rows, (_, _, gold, p, squares, products) = errors[..., :1], _blocks(errors, size, ERROR_SUMS)
    mean, rate = p / rows, gold / rows
    spread = squares / rows - mean**2
    slope = np.where(spread > 1e-9, (products / rows - mean * rate) / np.maximum(spread, 1e-9), 0.0)
    chance = _blocks(sample, size, SAMPLE_SUMS)[1] / np.maximum(sample[..., :1], 1)
    return np.clip(rate + slope * (chance - mean), 0, 1)


def _adjusted(sample: Floats, errors: Floats, size: int) -> Floats:
    rows, (hits, decided, gold) = errors[..., :1], _blocks(errors, size, ERROR_SUMS)[:3]
    found, mistaken = hits / np.maximum(gold, 1), (decided - hits) / np.maximum(rows - gold, 1)
    raw = _blocks(sample, size, SAMPLE_SUMS)[0] / np.maximum(sample[..., :1], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(found > mistaken, np.clip((raw - mistaken) / (found - mistaken), 0, 1), np.nan)


def _em(sample: Floats, errors: Floats, size: int) -> Floats:
    trained = _blocks(errors, size, ERROR_SUMS)[2] / errors[..., :1]
    p = expit((BINS[:-1] + BINS[1:]) / 2)
    bins = np.split(sample[..., 1 + SAMPLE_SUMS * size :], size, axis=-1)
    found = [
        shares(np.column_stack([1 - p, p]), np.stack([1 - trained[..., i], trained[..., i]], axis=-1), bins[i])[..., 1]
        for i in range(size)
    ]
    return np.clip(np.stack(found, axis=-1), 0, 1)


METHODS: dict[Method, Callable[[Floats, Floats, int], Floats]] = {
    "calibrated": _calibrated,
    "adjusted": _adjusted,
    "em": _em,
}


def _widened(confidence: float, articles: int) -> float:
    """The confidence that percentiles of few articles need for the one wanted: that of a normal interval as wide as
    Student's whose spread was divided by articles - 1 (Hesterberg 2015, The American Statistician 69(4))."""
    reach = np.sqrt(articles / (articles - 1)) * stdtrit(articles - 1, (1 + confidence) / 2)
    return float(2 * ndtr(reach) - 1)


def _blocks(table: Floats, size: int, count: int) -> list[Floats]:
    """The first `count` blocks of `size` columns behind the first column, each (..., size)."""
    return [table[..., 1 + i * size : 1 + (i + 1) * size] for i in range(count)]
