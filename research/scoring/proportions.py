"""Where a single label is chosen for the best macro-F1: each row gets the label that is most probable in proportion to
its threshold."""

from __future__ import annotations

import numpy as np

from research.scoring.rows import Bools, Floats, Ints

FACTORS = np.geomspace(1 / 8, 8, 49)
ROUNDS = 3
Proportions = tuple[float, ...]


def best_proportions(probabilities: Floats, gold: Bools) -> Proportions:
    """Thresholds, one per label, with the best macro-F1 on these rows; their geometric mean is .5. Both (n, L).

    Coordinate ascent from equal ones (Lewis 1995, SIGIR, tunes thresholds so for a single label); of equals the one
    nearest to equal. A label that the gold does not hold keeps its place.
    """
    found = np.ones(gold.shape[1])
    best = _macro_f1((probabilities / found).argmax(axis=1), gold)
    for _ in range(ROUNDS):
        for label in np.flatnonzero(gold.any(axis=0)).tolist():
            quality = _macro_f1_by_factor(probabilities, gold, found, label)
            highest = np.flatnonzero(quality == quality.max())
            nearest = highest[np.abs(np.log(FACTORS[highest])).argmin()]
            if quality[nearest] > best:
                best, found[label] = quality[nearest], FACTORS[nearest]
    return tuple(float(f) for f in 0.5 * found / np.exp(np.log(found).mean()))


def judged_proportions(probabilities: Floats, gold: Bools, group: Ints) -> Proportions:
    """`best_proportions` if such carry over from some groups of rows to the others; else equal ones. `group` (n,)
    numbers the rows that belong together, as those of one fold.

    They do when all rows, each group decided by what is best for the others, have a better macro-F1 than their most
    probable labels have. The rows of a few claims would else be fitted by chance: experiments/007-emergent.
    """
    equal: Proportions = (0.5,) * gold.shape[1]
    decided = np.zeros(len(gold), dtype=int)
    for one in np.unique(group):
        own = group == one
        if own.all():
            return equal
        decided[own] = (probabilities[own] / best_proportions(probabilities[~own], gold[~own])).argmax(axis=1)
    gains = _macro_f1(decided, gold) > _macro_f1(probabilities.argmax(axis=1), gold)
    return best_proportions(probabilities, gold) if gains else equal


def _macro_f1_by_factor(probabilities: Floats, gold: Bools, proportions: Floats, label: int) -> Floats:
    """Shape (factors,): what each factor for `label` comes to, the other proportions as they are."""
    scaled = probabilities / proportions
    scaled[:, label] = -1
    truth, other = gold.argmax(axis=1), scaled.argmax(axis=1)
    # The label is taken at the first so many factors, the best of the others at the rest.
    takes = np.searchsorted(FACTORS, probabilities[:, label] / np.maximum(scaled.max(axis=1), np.finfo(float).tiny))
    labels = gold.shape[1]

    def not_taken(rows: Bools) -> Ints:
        """Shape (factors, labels): of `rows` those that each other label gets, factor by factor."""
        counts = np.bincount(takes[rows] * labels + other[rows], minlength=(len(FACTORS) + 1) * labels)
        return counts.reshape(-1, labels).cumsum(axis=0)[:-1]

    decided, right = not_taken(np.ones(len(truth), dtype=bool)), not_taken(truth == other)
    decided[:, label] = len(truth) - decided.sum(axis=1)
    own = truth == label
    right[:, label] = own.sum() - not_taken(own).sum(axis=1)
    return _mean_f1(right, decided, gold)


def _macro_f1(decided: Ints, gold: Bools) -> float:
    truth, labels = gold.argmax(axis=1), gold.shape[1]
    right = np.bincount(truth[decided == truth], minlength=labels)
    return float(_mean_f1(right, np.bincount(decided, minlength=labels), gold))


def _mean_f1(right: Ints, decided: Ints, gold: Bools) -> Floats:
    """Over the labels that the gold holds; counts (..., labels)."""
    held = gold.any(axis=0)
    f1 = 2 * right / np.maximum(decided + gold.sum(axis=0), 1)
    return np.asarray(f1[..., held].mean(axis=-1)) if held.any() else np.zeros(right.shape[:-1])
