"""Probabilities for data where the labels are more or less frequent than in training, and how frequent they are.

The assumption is that the texts of a label are of the same kind in both ("label shift"), and only their number differs.
"""

from __future__ import annotations

import numpy as np

from research.scoring.rows import Floats

STEPS, CLOSE = 1000, 1e-6
EDGE = 1e-9


def shift(probabilities: Floats, trained: Floats) -> tuple[Floats, Floats]:
    """The shares of K exclusive classes (K,) in new data, and its probabilities (n, K) with these as prior.

    probabilities: (n, K), rows that sum to 1, from a calibrated model; trained: (K,) the shares it was trained on.
    For a label of a multi-label task the classes are two: without and with it. Saerens, Latinne & Decaestecker 2002,
    Neural Computation 14(1).
    """
    share = shares(probabilities, trained, np.ones(len(probabilities)))
    weighed = probabilities * (share / np.maximum(trained, EDGE))
    return share, weighed / np.maximum(weighed.sum(axis=1, keepdims=True), EDGE)


def shares(probabilities: Floats, trained: Floats, weights: Floats) -> Floats:
    """The shares (..., K) that make the data likeliest, by expectation maximisation. weights: (..., n), how often each
    of the n rows counts, so that every draw of a bootstrap is one line; trained: (K,) or (..., K)."""
    trained = np.maximum(trained, EDGE)
    share = np.broadcast_to(trained, (*weights.shape[:-1], probabilities.shape[1]))
    total = np.maximum(weights.sum(axis=-1, keepdims=True), EDGE)
    for _ in range(STEPS):
        weighed = share / trained
        likelihood = np.maximum(weighed @ probabilities.T, EDGE)
        found = weighed * ((weights / likelihood) @ probabilities) / total
        moved = np.abs(found - share).max(initial=0.0)
        share = found
        if moved < CLOSE:
            break
    return np.asarray(share)
