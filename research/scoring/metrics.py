"""The metrics, one function each with its formula and source. 0/0 is 0 everywhere (zero_division = 0).

A function of `Counts` works on the last axis and keeps the leading ones, so the value itself, 2,000 bootstrap draws
and 10,000 permutations all go through the same line of code. An abstained row predicts nothing: it costs recall, not
precision, and is never accurate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from research.scoring.counts import Counts
from research.scoring.rows import Bools, Floats, Ints, Judged

BINS = 10


def precision(counts: Counts) -> Floats:
    """tp / (tp + fp) for each label: (..., L). Manning et al. 2008, Introduction to Information Retrieval, 8.3."""
    return _ratio(counts.tp, counts.tp + counts.fp)


def recall(counts: Counts) -> Floats:
    """tp / (tp + fn) for each label: (..., L). Manning et al. 2008, 8.3."""
    return _ratio(counts.tp, counts.tp + counts.fn)


def f1(counts: Counts) -> Floats:
    """2 tp / (2 tp + fp + fn) for each label: (..., L). van Rijsbergen 1979, Information Retrieval, ch. 7."""
    return _ratio(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn)


def prevalence(counts: Counts) -> Floats:
    """(tp + fn) / rows for each label: (..., L), the share of the rows that carry it in the gold."""
    return _ratio(counts.tp + counts.fn, counts.rows[..., None])


def label_mcc(counts: Counts) -> Floats:
    """(tp tn - fp fn) / sqrt((tp+fp)(tp+fn)(tn+fp)(tn+fn)) for each label: (..., L). Matthews 1975, BBA 405(2)."""
    tp, fp, fn = counts.tp, counts.fp, counts.fn
    tn = counts.rows[..., None] - tp - fp - fn
    return _ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def macro_f1(counts: Counts) -> Floats:
    """The mean of `f1` over all labels of the task, present or not: (...). Yang 1999, Information Retrieval 1,
    in the form that averages F1 and not precision and recall (Opitz & Burst 2019, arXiv:1911.03347)."""
    return np.asarray(f1(counts).mean(axis=-1))


def accuracy(counts: Counts) -> Floats:
    """The share of rows whose whole label set is right: (...). For several labels this is subset accuracy
    (Tsoumakas, Katakis & Vlahavas 2010, Mining Multi-label Data)."""
    return _ratio(counts.exact, counts.rows)


def mcc(counts: Counts) -> Floats:
    """Correlation of gold and predicted class, single-label tasks only: (...). Gorodkin 2004, Comp. Biol. Chem. 28.

    (c s - sum_k p_k t_k) / sqrt((s^2 - sum_k p_k^2)(s^2 - sum_k t_k^2)) with s rows, c of them right, t_k gold and
    p_k predicted rows of class k. Abstention is one more class that is predicted and never gold.
    """
    gold, predicted, rows = counts.tp + counts.fn, counts.tp + counts.fp, counts.rows
    abstained = rows - predicted.sum(axis=-1)
    covariance = counts.exact * rows - (predicted * gold).sum(axis=-1)
    spread = (rows**2 - (predicted**2).sum(axis=-1) - abstained**2) * (rows**2 - (gold**2).sum(axis=-1))
    return _ratio(covariance, np.sqrt(spread))


OVERALL: Mapping[str, Callable[[Counts], Floats]] = {"macro_f1": macro_f1, "accuracy": accuracy}
PER_LABEL: Mapping[str, Callable[[Counts], Floats]] = {
    "f1": f1,
    "precision": precision,
    "recall": recall,
    "mcc": label_mcc,
    "prevalence": prevalence,
}


def count_metrics(counts: Counts) -> dict[str, Floats]:
    """Every metric that follows from counts by its name (`macro_f1`, `denial/f1` ...), each of shape (...)."""
    overall = dict(OVERALL) if counts.multi_label else {**OVERALL, "mcc": mcc}
    found = {name: metric(counts) for name, metric in overall.items()}
    tables = {name: metric(counts) for name, metric in PER_LABEL.items()}
    for i, label in enumerate(counts.labels):
        found |= {f"{label}/{name}": table[..., i] for name, table in tables.items()}
    return found


def squared_errors(judged: Judged) -> Floats:
    """(n,) the mean over labels of (p - y)^2 in each row, y 1 where the gold has the label; nan without p."""
    return np.asarray(((judged.probabilities - judged.gold) ** 2).mean(axis=1))


def brier(judged: Judged) -> float:
    """The mean of (p - y)^2 over rows and labels, in [0, 1]; over the rows that carry probabilities.

    Brier 1950, Monthly Weather Review 78(1), who sums over the classes: times L it is his score.
    """
    errors = squared_errors(judged)[judged.answered]
    return float(errors.mean()) if len(errors) else 0.0


def average_precision(probabilities: Floats, gold: Bools) -> float:
    """sum_k (R_k - R_(k-1)) P_k over the distinct probabilities from high to low; equal ones enter together.

    Both (n,). No interpolation (Davis & Goadrich 2006, ICML, say why). 0 without positives.
    """
    _, taken, hits = cuts(probabilities, gold)
    gains = np.diff(_ratio(hits, np.asarray(gold.sum())), prepend=0.0)
    return float(gains @ _ratio(hits, taken))


def calibration_error(probabilities: Floats, gold: Bools, bins: int = BINS) -> float:
    """sum_b (n_b / n) |mean p - share of gold| over equal-width bins for one label, both (n,).

    Naeini et al. 2015, AAAI; `ece` is its mean over the labels, the classwise ECE of Kull et al. 2019, NeurIPS.
    """
    size, mean, rate = bin_means(probabilities, gold, bins)
    return float(size[size > 0] @ np.abs(mean - rate)[size > 0]) / max(len(gold), 1)


def probability_metrics(judged: Judged) -> dict[str, float]:
    """`brier`, `ece` and `<label>/ap` over the rows that carry probabilities; empty when none does."""
    rows = judged.answered
    if not rows.any():
        return {}
    columns = list(zip(judged.probabilities[rows].T, judged.gold[rows].T, strict=True))
    found = {"brier": brier(judged), "ece": float(np.mean([calibration_error(p, y) for p, y in columns]))}
    return found | {
        f"{label}/ap": average_precision(*column) for label, column in zip(judged.labels, columns, strict=True)
    }


def floor(judged: Judged) -> float:
    """The macro-F1 that needs no model: the best constant prediction, from the prevalences pi alone.

    A label always predicted has F1 2 pi / (1 + pi), one never predicted 0. Several labels: all of them always, the
    mean of these. Single label: the most frequent one always, its F1 / L.
    """
    share = judged.gold.mean(axis=0)
    always = 2 * share / (1 + share)
    return float(always.mean() if judged.task.multi_label else always.max() / len(always))


# What the metrics above and the curves share.


def cuts(probabilities: Floats, gold: Bools) -> tuple[Floats, Ints, Ints]:
    """The distinct probabilities from high to low and, for `p >= each`, how many rows are taken and how many of
    them are gold. Inputs (n,), outputs (distinct,)."""
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), np.arange(len(ranked))[-1:])  # the last row of each value
    return ranked[last], (last + 1).astype(np.int64), np.cumsum(gold[order], dtype=np.int64)[last]


def bin_means(probabilities: Floats, gold: Bools, bins: int = BINS) -> tuple[Ints, Floats, Floats]:
    """Rows, mean probability and share of gold in equal-width bins of [0, 1], each (bins,); nan in an empty bin.

    A bin holds its lower edge; the last one holds 1 as well.
    """
    place = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    size = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights=values, minlength=bins) for values in (probabilities, gold)]
    mean, rate = (np.where(size > 0, total / np.maximum(size, 1), np.nan) for total in sums)
    return size, mean, rate


def _ratio(above: Floats | Ints, below: Floats | Ints) -> Floats:
    shape = np.broadcast_shapes(np.shape(above), np.shape(below))
    return np.divide(above, below, out=np.zeros(shape), where=np.asarray(below) > 0)
