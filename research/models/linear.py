"""Linear classifiers over n-grams and context: logistic regression and a linear support vector machine.

scikit-learn is needed to fit one, and imported then; to apply one, numpy and scipy are enough.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax

from research.config import Linear
from research.models.calibration import platt
from research.models.features import create_extractor
from research.models.protocol import ALONE, Fitting, Gold, Probabilities, gold_matrix, groups
from research.records import Example, ResearchError, Task

if TYPE_CHECKING:
    from sklearn.svm import LinearSVC

INNER_FOLDS = 3


class LinearModel(ABC):
    """One linear function per label, fitted one against the rest.

    Multi-label probabilities are each label's own sigmoid; single-label ones are a softmax over the labels' margins.
    """

    def __init__(self, config: Linear, task: Task, seed: int = 0) -> None:
        self.config, self.task, self.seed = config, task, seed
        self.features = create_extractor(config.features, task)
        self.weights: NDArray[np.float32] = np.zeros((len(task.labels), 0), np.float32)
        self.intercepts: NDArray[np.float64] = np.zeros(len(task.labels))

    def fit(self, examples: Sequence[Example], fitting: Fitting = ALONE) -> None:
        x = self.features.fit_transform(examples)
        if not x.shape[1]:
            raise ResearchError("model.features: nothing is left to learn from; lower min_count or switch on a group")
        gold = gold_matrix(examples, self.task)
        self.weights = np.zeros((gold.shape[1], x.shape[1]), np.float32)
        for i, (weights, intercept) in enumerate(self._fit_labels(x, gold, groups(examples))):
            self.weights[i], self.intercepts[i] = weights, intercept

    def predict_proba(self, examples: Sequence[Example]) -> Probabilities:
        margins = self.features.transform(examples) @ self.weights.T.astype(np.float64) + self.intercepts
        return np.asarray(expit(margins) if self.task.multi_label else softmax(margins, axis=1))

    def save(self, folder: Path) -> None:
        self.features.save(folder)
        save_file({"weights": self.weights, "intercepts": self.intercepts}, folder / "linear.safetensors")

    def load(self, folder: Path) -> None:
        self.features.load(folder)
        arrays = load_file(folder / "linear.safetensors")
        self.weights, self.intercepts = arrays["weights"], arrays["intercepts"]

    def _fit_labels(self, x: csr_matrix, gold: Gold, group: NDArray[np.int64]) -> list[tuple[Any, float]]:
        return [self._fit_label(x, y, group) if 0 < y.sum() < len(y) else _constant(x, y) for y in gold.T]

    @abstractmethod
    def _fit_label(self, x: csr_matrix, y: NDArray[np.bool_], group: NDArray[np.int64]) -> tuple[Any, float]:
        """Weights (features,) and intercept of one label that is there in some rows and absent in others."""

    @property
    def _class_weight(self) -> str | None:
        return None if self.config.class_weight == "none" else self.config.class_weight


class TfidfLogreg(LinearModel):
    """L2-regularised logistic regression (liblinear; Fan et al. 2008, JMLR 9)."""

    def _fit_label(self, x: csr_matrix, y: NDArray[np.bool_], group: NDArray[np.int64]) -> tuple[Any, float]:
        from sklearn.linear_model import LogisticRegression

        estimator = LogisticRegression(
            C=self.config.c, class_weight=self._class_weight, solver="liblinear", random_state=self.seed
        ).fit(x, y)
        return estimator.coef_[0], float(estimator.intercept_[0])


class TfidfSvm(LinearModel):
    """Linear SVM whose margins become probabilities by a sigmoid fitted on inner out-of-fold margins (Platt 1999)."""

    def _fit_label(self, x: csr_matrix, y: NDArray[np.bool_], group: NDArray[np.int64]) -> tuple[Any, float]:
        whole = self._svm().fit(x, y)
        scale, shift = self._platt(x, y, group)
        return whole.coef_[0] * scale, float(whole.intercept_[0]) * scale + shift

    def _platt(self, x: csr_matrix, y: NDArray[np.bool_], group: NDArray[np.int64]) -> tuple[float, float]:
        """Scale and shift of the margins, from folds by article; (1, 0) where the folds cannot be had."""
        from sklearn.model_selection import GroupKFold

        if len(np.unique(group)) < INNER_FOLDS:
            return 1.0, 0.0
        margins = np.zeros(len(y))
        for train, held_out in GroupKFold(INNER_FOLDS, shuffle=True, random_state=self.seed).split(x, groups=group):
            if not 0 < y[train].sum() < len(train):
                return 1.0, 0.0
            margins[held_out] = self._svm().fit(x[train], y[train]).decision_function(x[held_out])
        return platt(margins, y)

    def _svm(self) -> LinearSVC:
        from sklearn.svm import LinearSVC

        return LinearSVC(C=self.config.c, class_weight=self._class_weight, random_state=self.seed)


def _constant(x: csr_matrix, y: NDArray[np.bool_]) -> tuple[Any, float]:
    """A label that training shows always or never: no weights, a margin that says so."""
    return np.zeros(x.shape[1], np.float32), 10.0 if y.size and y.all() else -10.0
