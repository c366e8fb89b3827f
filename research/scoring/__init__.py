"""Scoring: gold rows and prediction rows in, scores out. No model and no file is in the room.

    judged = join(gold, predicted)          rows by their key, as arrays
    score(judged), score_by(judged, field)  every metric, with a bootstrap interval over articles
    floor(judged)                           the macro-F1 that needs no model
    compare(judged_a, judged_b)             two systems on the same gold; compare_all, mcnemar, holm
    score_seeds, seed_spread                one system trained with several seeds
    confusions, precision_recall, reliability, risk_curve, best_threshold, best_proportions (of a single label)
    risk_table(risk_curve(judged))          how much error goes with the least sure rows, for a checkpoint
    prevalence(labels, sample, errors)      the share of each label in new articles, corrected, with an interval
    shift(probabilities, trained)           probabilities where labels are more or less frequent than in training

Any old prediction file can be scored again: nothing but the rows goes into a number.
"""

from research.scoring.abstention import least_confidence, risk_table
from research.scoring.corrections import holm
from research.scoring.coverage import RiskCurve, risk_curve
from research.scoring.curves import (
    Confusion,
    PrecisionRecall,
    Reliability,
    best_proportions,
    best_threshold,
    confusions,
    precision_recall,
    reliability,
)
from research.scoring.intervals import score
from research.scoring.mcnemar import McNemar, mcnemar
from research.scoring.metrics import average_precision, floor
from research.scoring.paired import Against, PairedTest, compare, compare_all
from research.scoring.prevalence import Share, error_sums, prevalence, sample_sums
from research.scoring.prior_shift import shift
from research.scoring.rows import Judged, join
from research.scoring.seeds import SeedSpread, score_seeds, seed_spread
from research.scoring.slices import score_by

__all__ = [
    "Against",
    "Confusion",
    "Judged",
    "McNemar",
    "PairedTest",
    "PrecisionRecall",
    "Reliability",
    "RiskCurve",
    "SeedSpread",
    "Share",
    "average_precision",
    "best_proportions",
    "best_threshold",
    "compare",
    "compare_all",
    "confusions",
    "error_sums",
    "floor",
    "holm",
    "join",
    "least_confidence",
    "mcnemar",
    "precision_recall",
    "prevalence",
    "reliability",
    "risk_curve",
    "risk_table",
    "sample_sums",
    "score",
    "score_by",
    "score_seeds",
    "seed_spread",
    "shift",
]
