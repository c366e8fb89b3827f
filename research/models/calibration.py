"""Probabilities that mean what they say: maps fitted on out-of-fold probabilities, kept as plain numbers.

scikit-learn and scipy's optimiser are needed to fit one, and imported then; to apply one, numpy is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import expit, logit, softmax

from research.config import Section
from research.models.protocol import Gold, Probabilities
from research.records import Task

EDGE = 1e-12  # a logit needs a probability that is neither 0 nor 1
COLDEST, HOTTEST = 0.05, 20.0


class Sigmoids(Section):
    """A scale and a shift of each label's logit (Platt 1999; as "beta = temperature and bias", Guo et al. 2017)."""

    kind: Literal["sigmoids"] = "sigmoids"
    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def apply(self, probabilities: Probabilities) -> Probabilities:
        logits = logit(np.clip(probabilities, EDGE, 1 - EDGE))
        return np.asarray(expit(logits * self.scale + self.shift))

    @property
    def labels(self) -> int | None:
        return len(self.scale) if len(self.scale) == len(self.shift) else 0


class Temperature(Section):
    """One softmax temperature: above 1 it makes a model less sure, and it never changes the most probable label
    (Guo et al. 2017, ICML)."""

    kind: Literal["temperature"] = "temperature"
    temperature: float = Field(gt=0)

    def apply(self, probabilities: Probabilities) -> Probabilities:
        return np.asarray(softmax(np.log(np.maximum(probabilities, np.finfo(float).tiny)) / self.temperature, axis=1))

    @property
    def labels(self) -> int | None:
        return None  # any number


class Steps(Section):
    """A rising line of pieces per label (isotonic regression; Zadrozny & Elkan 2002, KDD). Of a single-label task the
    rows are divided by their sums; a row of zeros stays as the model gave it."""

    kind: Literal["steps"] = "steps"
    single: bool
    x: tuple[tuple[float, ...], ...]
    y: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _pairs(self) -> Steps:
        if [len(x) for x in self.x] != [len(y) for y in self.y] or not all(self.x):
            raise ValueError("expected as many y as x for each label")
        return self

    def apply(self, probabilities: Probabilities) -> Probabilities:
        columns = [np.interp(p, x, y) for p, x, y in zip(probabilities.T, self.x, self.y, strict=True)]
        stepped = np.column_stack(columns)
        if not self.single:
            return stepped
        total = stepped.sum(axis=1, keepdims=True)
        return np.where(total > 0, stepped / np.where(total > 0, total, 1), probabilities)

    @property
    def labels(self) -> int | None:
        return len(self.x)


Calibration = Annotated[Sigmoids | Temperature | Steps, Field(discriminator="kind")]


def calibrated(calibration: Calibration | None, probabilities: Probabilities) -> Probabilities:
    """Shape (rows, labels): the probabilities through the map, or as they are where there is none."""
    return probabilities if calibration is None else calibration.apply(probabilities)


def fit_calibration(method: str, probabilities: Probabilities, gold: Gold, task: Task) -> Calibration | None:
    """The map that `method` (a value of `model.calibration`) learns from probabilities and gold, both (rows, labels).

    The probabilities must come from models that have not seen these rows; None for "none".
    """
    if method == "none":
        return None
    if method == "isotonic":
        pieces = [_steps(p, y) for p, y in zip(probabilities.T, gold.T, strict=True)]
        x, y = zip(*pieces, strict=True)
        return Steps(single=not task.multi_label, x=x, y=y)
    if not task.multi_label:
        return Temperature(temperature=_temperature(probabilities, gold))
    logits = logit(np.clip(probabilities, EDGE, 1 - EDGE))
    sigmoids = [_rising(column, y) for column, y in zip(logits.T, gold.T, strict=True)]
    scale, shift = zip(*sigmoids, strict=True)
    return Sigmoids(scale=scale, shift=shift)


def platt(margins: NDArray[np.float64], y: NDArray[np.bool_]) -> tuple[float, float]:
    """Scale and shift that make a sigmoid of (rows,) margins a probability (Platt 1999).

    His targets are (positives + 1) / (positives + 2) and 1 / (negatives + 2) instead of 1 and 0, so that few rows do
    not make a sigmoid that is certain of everything; as weights, each row once per class.
    """
    from sklearn.linear_model import LogisticRegression

    positives = int(y.sum())
    chance = np.where(y, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))
    rows, classes = np.tile(margins, 2)[:, None], np.repeat([True, False], len(y))
    sigmoid = LogisticRegression(C=1e6).fit(rows, classes, sample_weight=np.concatenate([chance, 1 - chance]))
    return float(sigmoid.coef_[0, 0]), float(sigmoid.intercept_[0])


def _rising(logits: NDArray[np.float64], y: NDArray[np.bool_]) -> tuple[float, float]:
    """`platt`, or the plain share of the label where the model orders the rows no better than upside down."""
    scale, shift = platt(logits, y)
    return (scale, shift) if scale > 0 else (0.0, float(logit((y.sum() + 1) / (len(y) + 2))))


def _temperature(probabilities: Probabilities, gold: Gold) -> float:
    """The temperature with the least log loss."""
    from scipy.optimize import minimize_scalar

    def log_loss(log_temperature: float) -> float:
        cooled = Temperature(temperature=np.exp(log_temperature)).apply(probabilities)
        return float(-np.log(np.maximum(cooled[gold], np.finfo(float).tiny)).mean())

    found = minimize_scalar(log_loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))


def _steps(p: NDArray[np.float64], y: NDArray[np.bool_]) -> tuple[Sequence[float], Sequence[float]]:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y)
    return fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist()
