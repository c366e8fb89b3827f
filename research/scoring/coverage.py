"""What a system would get wrong if it kept to the rows it is sure of."""

from __future__ import annotations

from dataclasses import dataclass

from research.scoring.metrics import aurc, cuts, sureness, wrong
from research.scoring.rows import Floats, Judged


@dataclass(frozen=True, eq=False, slots=True)
class RiskCurve:
    """coverage, risk, confidence: (distinct,), from the surest rows to all of them: of the rows at least so confident,
    their share of the rows that carry probabilities, and the share of them that is wrong. aurc: the area, nan when
    there is no row."""

    coverage: Floats
    risk: Floats
    confidence: Floats
    aurc: float


def risk_curve(judged: Judged) -> RiskCurve:
    """Rows by confidence, from high to low, and the risk of answering only so many (El-Yaniv & Wiener 2010, JMLR 11).

    Confidence is the probability that the system itself gives to its whole answer (`metrics.sureness` tells how for
    several labels); rows of the same confidence enter together. A row is wrong when any of its labels is, so the risk
    at full coverage is 1 - accuracy. Only rows that carry probabilities count; an abstained one comes
    last and is wrong.
    """
    rows = judged.answered
    values, taken, missed = cuts(sureness(judged)[rows], wrong(judged)[rows])
    return RiskCurve(
        taken / max(int(rows.sum()), 1), missed / taken, values, aurc(judged) if len(taken) else float("nan")
    )
