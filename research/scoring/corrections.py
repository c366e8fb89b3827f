"""Many tests at once: p values corrected for how many were made."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given: the smallest p times m, the next times m - 1, and so on, each at least
    as large as the one before and at most 1. Holm 1979, Scandinavian Journal of Statistics 6(2).

    Rejecting where an adjusted p is at most .05 keeps the chance of even one false finding among the m at .05,
    however the tests depend on each other. Raises ValueError on a number that is no probability.
    """
    if not all(0 <= p <= 1 for p in p_values):  # written so that nan fails too
        raise ValueError(f"not all of {list(p_values)} are probabilities")
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = least
    return adjusted
