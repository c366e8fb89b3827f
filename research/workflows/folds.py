"""Out-of-fold predictions by article, the decision thresholds chosen on them, and honest cv/ rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from research.config import Linear, RunConfig
from research.models import create
from research.models.checkpoint import prediction_rows
from research.models.decision import decide
from research.models.protocol import Gold, Probabilities, gold_matrix
from research.records import Example, ResearchError, Row, Task
from research.scoring import best_threshold

Progress = Callable[[str, int, int], None]


def assign_folds(examples: Sequence[Example], folds: int, seed: int) -> NDArray[np.int64]:
    """A fold number per example; the examples of one article, and all articles of one event, share theirs."""
    units = sorted({e.article.event or e.article.article_id for e in examples})
    if len(units) < folds:
        raise ResearchError(f"train.folds: {folds} folds need as many articles or events; train has {len(units)}")
    fold_of = {units[u]: i % folds for i, u in enumerate(np.random.default_rng(seed).permutation(len(units)))}
    return np.array([fold_of[e.article.event or e.article.article_id] for e in examples])


def out_of_fold(config: RunConfig, task: Task, examples: Sequence[Example], progress: Progress) -> Probabilities:
    """Shape (spans, labels): each article judged by a model that was fitted on the other folds."""
    fold = assign_folds(examples, config.train.folds, config.train.seed)
    fold_of_span = _per_span(fold, examples)
    probabilities = np.zeros((len(fold_of_span), len(task.labels)))
    for i in range(config.train.folds):
        progress("fold", i, config.train.folds)
        model = create(config.model, task, config.train.seed)
        model.fit([e for e, f in zip(examples, fold, strict=True) if f != i])
        held_out = [e for e, f in zip(examples, fold, strict=True) if f == i]
        probabilities[fold_of_span == i] = model.predict_proba(held_out)
    return probabilities


def choose_thresholds(config: RunConfig, task: Task, probabilities: Probabilities, gold: Gold) -> tuple[float, ...]:
    """The threshold per label with the best F1; .5 where the config or the kind of model asks for no choice."""
    if not (isinstance(config.model, Linear) and config.model.thresholds == "tuned" and task.multi_label):
        return (0.5,) * len(task.labels)
    return tuple(best_threshold(p, g) for p, g in zip(probabilities.T, gold.T, strict=True))


def cv_rows(config: RunConfig, task: Task, examples: Sequence[Example], probabilities: Probabilities) -> list[Row]:
    """Rows decided with thresholds that the row's own fold had no part in: thresholds chosen on the very predictions
    they are scored on would flatter the cv/ scores."""
    gold = gold_matrix(examples, task)
    fold = _per_span(assign_folds(examples, config.train.folds, config.train.seed), examples)
    decided = np.zeros_like(gold)
    for i in range(config.train.folds):
        thresholds = choose_thresholds(config, task, probabilities[fold != i], gold[fold != i])
        decided[fold == i] = decide(probabilities[fold == i], thresholds, task)
    return prediction_rows(task, examples, probabilities, decided)


def _per_span(values: NDArray[np.int64], examples: Sequence[Example]) -> NDArray[np.int64]:
    return np.repeat(values, [len(e.spans) for e in examples])
