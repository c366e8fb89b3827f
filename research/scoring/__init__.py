"""Scoring: gold rows and prediction rows in, scores out. No model and no file is in the room.

    judged = join(gold, predicted)          rows by their key, as arrays
    score(judged), score_by(judged, field)  every metric, with a bootstrap interval over articles
    floor(judged)                           the macro-F1 that needs no model
    compare(judged_a, judged_b)             two systems on the same gold
    confusions, precision_recall, reliability, best_threshold

Any old prediction file can be scored again: nothing but the rows goes into a number.
"""

from research.scoring.curves import (
    Confusion,
    PrecisionRecall,
    Reliability,
    best_threshold,
    confusions,
    precision_recall,
    reliability,
)
from research.scoring.intervals import score
from research.scoring.metrics import floor
from research.scoring.paired import PairedTest, compare
from research.scoring.rows import Judged, join
from research.scoring.slices import score_by

__all__ = [
    "Confusion",
    "Judged",
    "PairedTest",
    "PrecisionRecall",
    "Reliability",
    "best_threshold",
    "compare",
    "confusions",
    "floor",
    "join",
    "precision_recall",
    "reliability",
    "score",
    "score_by",
]
