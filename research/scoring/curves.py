"""The numbers behind the figures, and the threshold that a probability must reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from research.scoring.metrics import average_precision, bin_means, cuts
from research.scoring.rows import Bools, Floats, Ints, Judged

ABSTAINED = "(abstained)"


@dataclass(frozen=True, eq=False, slots=True)
class Confusion:
    """Rows by gold (down) and predicted (across). counts: (gold, predicted) whole numbers; shares: the same as parts
    of each gold line, 0 in an empty one."""

    name: str
    gold: tuple[str, ...]
    predicted: tuple[str, ...]
    counts: Ints
    shares: Floats


@dataclass(frozen=True, eq=False, slots=True)
class PrecisionRecall:
    """One label. precision, recall, thresholds: (distinct,) for `p >= threshold`, from high to low."""

    label: str
    precision: Floats
    recall: Floats
    thresholds: Floats
    average_precision: float
    prevalence: float


@dataclass(frozen=True, eq=False, slots=True)
class Reliability:
    """One label in equal-width bins. edges: (bins + 1,); rows: (bins,); mean probability and share of gold (rate):
    (bins,), nan in an empty bin."""

    label: str
    edges: Floats
    rows: Ints
    mean: Floats
    rate: Floats


def confusions(judged: Judged) -> tuple[Confusion, ...]:
    """Single label: one L x L table, with one more column when rows were abstained. Several labels: one 2 x 2 table
    for each label, [[tn, fp], [fn, tp]], an abstention being a label not predicted."""
    if judged.task.multi_label:
        columns = zip(judged.labels, judged.gold.T, judged.predicted.T, strict=True)
        return tuple(
            _confusion(label, (no := f"not {label}", label), (no, label), _pair(gold), _pair(predicted))
            for label, gold, predicted in columns
        )
    names, predicted = judged.labels, judged.predicted
    if judged.abstained.any():
        names, predicted = (*names, ABSTAINED), np.column_stack([predicted, judged.abstained])
    return (_confusion(judged.task.name, judged.labels, names, judged.gold, predicted),)


def precision_recall(judged: Judged) -> tuple[PrecisionRecall, ...]:
    """One curve for each label that has gold, over the rows that carry probabilities."""
    curves = []
    for label, probabilities, gold in _answered(judged):
        if positives := int(gold.sum()):
            thresholds, taken, hits = cuts(probabilities, gold)
            area = average_precision(probabilities, gold)
            curves.append(
                PrecisionRecall(label, hits / taken, hits / positives, thresholds, area, positives / len(gold))
            )
    return tuple(curves)


def reliability(judged: Judged, bins: int = 10) -> tuple[Reliability, ...]:
    """One table of bins for each label, over the rows that carry probabilities; nothing when none does."""
    edges = np.linspace(0, 1, bins + 1)
    return tuple(Reliability(label, edges, *bin_means(p, gold, bins)) for label, p, gold in _answered(judged))


def best_threshold(probabilities: Floats, gold: Bools) -> float:
    """The t that maximises the F1 of `p >= t` for one label; 0.5 when there are no positives.

    Both (n,), probabilities in [0, 1]. Only the order of the distinct probabilities matters to F1, so every cut
    between two neighbours is tried and t is the middle of the gap (below the lowest: between it and 0). Of cuts with
    the same F1 the one in the widest gap is taken, where a small change of the scores, as another sample or seed
    makes it, moves the fewest rows across; of equal gaps the higher. Raises ValueError on nan.
    """
    if np.isnan(probabilities).any():
        raise ValueError("probabilities hold nan: leave abstained rows out")
    if not gold.any():
        return 0.5
    upper, taken, hits = cuts(probabilities, gold)
    lower = np.append(upper[1:], 0.0)
    quality = 2 * hits / (taken + gold.sum())
    best = np.flatnonzero(quality == quality.max())
    at = best[np.argmax((upper - lower)[best])]
    middle = float((upper[at] + lower[at]) / 2)
    # Between two adjacent floats there is no middle: it rounds to one of them, which must not be the lower.
    return middle if middle > lower[at] or at == len(upper) - 1 else float(upper[at])


STRENGTHS = np.linspace(0, 1, 21)


def best_proportions(probabilities: Floats, gold: Bools) -> tuple[float, ...]:
    """Thresholds, one per label, with the best macro-F1 when each row gets the label that is most probable in
    proportion to its threshold (single label); their geometric mean is .5. Both (n, L).

    Thresholds are the labels' shares in the gold to a power between 0 (the most probable label) and 1 (the most
    probable one if all were equally frequent: post-hoc logit adjustment, Menon et al. 2021, ICLR); of equal powers
    the lowest. One number can be chosen on the rows of a few claims and still suit others, where a threshold for each
    label is fitted by chance (experiments/007-emergent). A label that the gold does not hold has .5.
    """
    held = gold.any(axis=0)
    logs = np.log((gold.sum(axis=0) + 1) / (len(gold) + gold.shape[1]))  # no label is of no weight at all
    logs = np.where(held, logs - logs[held].mean() if held.any() else 0.0, 0.0)
    tried = [np.exp(strength * logs) for strength in STRENGTHS]
    best = tried[int(np.argmax([_macro_f1_of(probabilities, gold, proportions) for proportions in tried]))]
    return tuple(float(t) for t in 0.5 * best)


def _macro_f1_of(probabilities: Floats, gold: Bools, proportions: Floats) -> float:
    """Of the labels that the gold holds."""
    decided = (probabilities / proportions).argmax(axis=1)
    truth = gold.argmax(axis=1)
    labels = gold.shape[1]
    right = np.bincount(truth[decided == truth], minlength=labels)
    either = np.bincount(truth, minlength=labels) + np.bincount(decided, minlength=labels)
    held = gold.any(axis=0)
    return float((2 * right / np.maximum(either, 1))[held].mean()) if held.any() else 0.0


def _answered(judged: Judged) -> list[tuple[str, Floats, Bools]]:
    rows = judged.answered
    if not rows.any():
        return []
    return list(zip(judged.labels, judged.probabilities[rows].T, judged.gold[rows].T, strict=True))


def _pair(column: Bools) -> Bools:
    return np.column_stack([~column, column])


def _confusion(
    name: str, gold_names: tuple[str, ...], predicted_names: tuple[str, ...], gold: Bools, predicted: Bools
) -> Confusion:
    counts = gold.T.astype(np.int64) @ predicted.astype(np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return Confusion(name, gold_names, predicted_names, counts, shares)
