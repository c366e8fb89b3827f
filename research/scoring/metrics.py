"""The metrics, one function each with its formula and source. 0/0 is 0 everywhere (zero_division = 0).

A function of `Counts` works on the last axis and keeps the leading ones, so the value itself, 2,000 bootstrap draws
and 10,000 permutations all go through the same line of code. An abstained row predicts nothing: it costs recall, not
precision, and is never accurate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from research.records import STANCE_LABELS, UNRELATED
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


def macro_f1_present(counts: Counts) -> Floats:
    """The mean of `f1` over the labels that the gold holds: (...). For benchmarks without some label of the task, such
    as stance corpora in which nothing is unrelated; elsewhere it equals `macro_f1`."""
    held = counts.tp + counts.fn > 0
    return _ratio((f1(counts) * held).sum(axis=-1), held.sum(axis=-1))


def macro_precision(counts: Counts) -> Floats:
    """The mean of `precision` over all labels of the task: (...). Sokolova & Lapalme 2009, IPM 45(4)."""
    return np.asarray(precision(counts).mean(axis=-1))


def macro_recall(counts: Counts) -> Floats:
    """The mean of `recall` over all labels of the task: (...). Sokolova & Lapalme 2009."""
    return np.asarray(recall(counts).mean(axis=-1))


def macro_mcc(counts: Counts) -> Floats:
    """The mean of `label_mcc` over the labels of a multi-label task: (...)."""
    return np.asarray(label_mcc(counts).mean(axis=-1))


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


def fnc_score(counts: Counts) -> Floats:
    """The relative score of the Fake News Challenge, stance only, in [0, 1]: (...). Pomerleau & Rao 2017,
    fakenewschallenge.org, score.py of FakeNewsChallenge/fnc-1.

    A gold `unrelated` earns 1/4 when it is found. Any other row earns 1/4 when it is called related at all and 3/4
    more when its stance is right. The sum is divided by that of a perfect system.
    """
    kind = counts.labels.index(UNRELATED)
    unrelated = counts.tp[..., kind] + counts.fn[..., kind]
    right = counts.tp.sum(axis=-1) - counts.tp[..., kind]
    earned = 0.25 * counts.tp[..., kind] + 0.25 * counts.related + 0.75 * right
    return _ratio(earned, 0.25 * unrelated + (counts.rows - unrelated))


OVERALL: Mapping[str, Callable[[Counts], Floats]] = {
    "macro_f1": macro_f1,
    "accuracy": accuracy,
    "macro_precision": macro_precision,
    "macro_recall": macro_recall,
}
PER_LABEL: Mapping[str, Callable[[Counts], Floats]] = {
    "f1": f1,
    "precision": precision,
    "recall": recall,
    "mcc": label_mcc,
    "prevalence": prevalence,
}


def count_metrics(counts: Counts) -> dict[str, Floats]:
    """Every metric that follows from counts by its name (`macro_f1`, `denial/f1` ...), each of shape (...)."""
    overall = {**OVERALL, "macro_mcc": macro_mcc} if counts.multi_label else {**OVERALL, "mcc": mcc}
    if counts.labels == STANCE_LABELS:
        overall |= {"macro_f1_present": macro_f1_present, "fnc_score": fnc_score}
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
    return float(precision_area(taken, hits))


def calibration_error(probabilities: Floats, gold: Bools, bins: int = BINS) -> float:
    """sum_b (n_b / n) |mean p - share of gold| over equal-width bins for one label, both (n,).

    Naeini et al. 2015, AAAI; `ece` is its mean over the labels, the classwise ECE of Kull et al. 2019, NeurIPS.
    """
    size, mean, rate = bin_means(probabilities, gold, bins)
    return float(size[size > 0] @ np.abs(mean - rate)[size > 0]) / max(len(gold), 1)


def sureness(judged: Judged) -> Floats:
    """(n,) the probability that a system itself gives to its answer; nan without probabilities.

    Single label: that of the label given. Several labels: that the whole set is right, the product over the labels of
    p where given and 1 - p where not, as if they were independent. 0 for an abstention, which has no answer.
    """
    given = judged.probabilities
    if judged.task.multi_label:
        sure = np.where(judged.predicted, given, 1 - given).prod(axis=1)
    else:
        sure = np.where(judged.predicted, given, 0 * given).sum(axis=1)
    return np.asarray(np.where(judged.abstained, 0 * sure, sure))


def wrong(judged: Judged) -> Bools:
    """(n,) whether the label set of a row is not that of the gold; an abstention is."""
    return np.asarray((judged.gold != judged.predicted).any(axis=1) | judged.abstained)


def aurc(judged: Judged) -> float:
    """The area under the risk-coverage curve (`risk_curve`), in [0, 1]: the mean risk over all coverages, 0 when
    nothing is wrong. Geifman, Uziel & El-Yaniv 2019, ICLR. Over the rows that carry probabilities."""
    rows = judged.answered
    _, taken, missed = cuts(sureness(judged)[rows], wrong(judged)[rows])
    return float(coverage_area(taken, missed))


def probability_metrics(judged: Judged) -> dict[str, float]:
    """`brier`, `ece`, `aurc`, `macro_ap` and `<label>/ap` over the rows that carry probabilities; empty when none
    does."""
    rows = judged.answered
    if not rows.any():
        return {}
    columns = list(zip(judged.probabilities[rows].T, judged.gold[rows].T, strict=True))
    ap = {f"{label}/ap": average_precision(*column) for label, column in zip(judged.labels, columns, strict=True)}
    return {
        "brier": brier(judged),
        "ece": float(np.mean([calibration_error(p, y) for p, y in columns])),
        "aurc": aurc(judged),
        "macro_ap": float(np.mean(list(ap.values()))),
        **ap,
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


def precision_area(taken: Floats | Ints, hits: Floats | Ints) -> Floats:
    """`average_precision` of what `cuts` counts, both (..., distinct): (...). The gain in recall at each cut times the
    precision there."""
    gains = np.diff(hits, axis=-1, prepend=0)
    return _ratio((gains * (hits / np.maximum(taken, 1))).sum(axis=-1), hits[..., -1:].sum(axis=-1))


def cuts(probabilities: Floats, gold: Bools) -> tuple[Floats, Ints, Ints]:
    """The distinct probabilities from high to low and, for `p >= each`, how many rows are taken and how many of
    them are gold. Inputs (n,), outputs (distinct,)."""
    order, last = rank(probabilities)
    return probabilities[order][last], last + 1, np.cumsum(gold[order], dtype=np.int64)[last]


def rank(values: Floats) -> tuple[Ints, Ints]:
    """The rows from the highest of (n,) values to the lowest, and at which of these places each distinct value ends:
    (n,) and (distinct,)."""
    order = np.argsort(-values, kind="stable")
    last = np.append(np.flatnonzero(np.diff(values[order])), np.arange(len(order))[-1:])
    return order, last.astype(np.int64)


def coverage_area(taken: Floats | Ints, missed: Floats | Ints) -> Floats:
    """`aurc` of what `cuts` counts, both (..., distinct): (...). The gain in coverage at each cut times the risk
    there."""
    gains = np.diff(taken, axis=-1, prepend=0)
    return _ratio((gains * (missed / np.maximum(taken, 1))).sum(axis=-1), taken[..., -1:].sum(axis=-1))


def bin_means(probabilities: Floats, gold: Bools, bins: int = BINS) -> tuple[Ints, Floats, Floats]:
    """Rows, mean probability and share of gold in equal-width bins of [0, 1], each (bins,); nan in an empty bin.

    A bin holds its lower edge; the last one holds 1 as well.
    """
    place = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    size = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights=values, minlength=bins) for values in (probabilities, gold)]
    mean, rate = (np.where(size > 0, total / np.maximum(size, 1), np.nan) for total in sums)
    return size, mean, rate


def bin_gaps(judged: Judged, bins: int = BINS) -> Floats:
    """(n, L bins): (p - y) / L of each row and label in the column of the bin of p, 0 elsewhere. `ece` is the sum
    over the columns of the size of their totals, divided by n; so it follows from numbers that add up."""
    rows, labels = judged.probabilities.shape
    gaps = np.zeros((rows, labels, bins))
    place = np.minimum((judged.probabilities * bins).astype(np.int64), bins - 1)
    np.put_along_axis(gaps, place[..., None], ((judged.probabilities - judged.gold) / labels)[..., None], axis=2)
    return gaps.reshape(rows, labels * bins)


def _ratio(above: Floats | Ints, below: Floats | Ints) -> Floats:
    shape = np.broadcast_shapes(np.shape(above), np.shape(below))
    return np.divide(above, below, out=np.zeros(shape), where=np.asarray(below) > 0)
