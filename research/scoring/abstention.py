"""How sure a row has to be for a given expected error: the risk-coverage curve, short enough for a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from research.scoring.coverage import RiskCurve

POINTS = 100
Risk = tuple[tuple[float, float, float], ...]


def risk_table(curve: RiskCurve) -> Risk:
    """At most 100 points of the curve, from sure to unsure: (least confidence, coverage, risk).

    Between two confidences the least one is their middle; the last point holds every row, however unsure.
    """
    if not len(curve.coverage):
        return ()
    least = np.append((curve.confidence[:-1] + curve.confidence[1:]) / 2, 0.0)
    wanted = np.arange(1, POINTS + 1) / POINTS
    at = np.unique(np.searchsorted(curve.coverage, wanted - 1e-9))
    return tuple((float(least[i]), round(float(curve.coverage[i]), 6), round(float(curve.risk[i]), 6)) for i in at)


def least_confidence(risk: Sequence[tuple[float, float, float]], error: float) -> float:
    """How sure a row must be to be kept, when as many as possible are and the expected error of the kept ones is at
    most `error`; infinity when even the surest are wrong more often than that."""
    return next((least for least, _, expected in reversed(risk) if expected <= error), math.inf)
