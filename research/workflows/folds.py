"""Out-of-fold predictions by article, the calibration and thresholds chosen on them, and honest cv/ rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from research.config import Linear, RunConfig
from research.models import create
from research.models.calibration import Calibration, calibrated, fit_calibration
from research.models.checkpoint import Errors, prediction_rows
from research.models.decision import decide
from research.models.protocol import Gold, Probabilities, gold_matrix
from research.records import Example, ResearchError, Row, Task, gold_rows
from research.scoring import best_threshold, error_sums, join, risk_curve, risk_table

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
    probabilities = np.zeros((sum(len(e.spans) for e in examples), len(task.labels)))
    for held_out, found in each_fold(config, task, examples, progress):
        probabilities[held_out] = found
    return probabilities


def each_fold(
    config: RunConfig, task: Task, examples: Sequence[Example], progress: Progress
) -> Iterator[tuple[NDArray[np.bool_], Probabilities]]:
    """Fold by fold, each fitted when it is asked for: which spans it holds (spans,), and their probabilities."""
    fold = assign_folds(examples, config.train.folds, config.train.seed)
    for i in range(config.train.folds):
        progress("fold", i, config.train.folds)
        model = create(config.model, task, config.train.seed)
        model.fit([e for e, f in zip(examples, fold, strict=True) if f != i])
        held_out = [e for e, f in zip(examples, fold, strict=True) if f == i]
        yield _per_span(fold, examples) == i, model.predict_proba(held_out)


def choose_calibration(config: RunConfig, task: Task, probabilities: Probabilities, gold: Gold) -> Calibration | None:
    """The calibration that the config asks for; None where it or the kind of model asks for none."""
    return fit_calibration(getattr(config.model, "calibration", "none"), probabilities, gold, task)


def choose_thresholds(config: RunConfig, task: Task, probabilities: Probabilities, gold: Gold) -> tuple[float, ...]:
    """The threshold per label with the best F1; .5 where the config or the kind of model asks for no choice.
    `probabilities` are the calibrated ones."""
    if not (isinstance(config.model, Linear) and config.model.thresholds == "tuned" and task.multi_label):
        return (0.5,) * len(task.labels)
    return tuple(best_threshold(p, g) for p, g in zip(probabilities.T, gold.T, strict=True))


def cv_rows(config: RunConfig, task: Task, examples: Sequence[Example], probabilities: Probabilities) -> list[Row]:
    """Rows calibrated and decided with maps and thresholds that the row's own fold had no part in: chosen on the very
    predictions they are scored on they would flatter the cv/ scores. `probabilities` come from `out_of_fold`."""
    gold = gold_matrix(examples, task)
    fold = _per_span(assign_folds(examples, config.train.folds, config.train.seed), examples)
    decided, honest = np.zeros_like(gold), np.zeros_like(probabilities)
    for i in range(config.train.folds):
        others, own = fold != i, fold == i
        calibration = choose_calibration(config, task, probabilities[others], gold[others])
        thresholds = choose_thresholds(config, task, calibrated(calibration, probabilities[others]), gold[others])
        honest[own] = calibrated(calibration, probabilities[own])
        decided[own] = decide(honest[own], thresholds, task)
    return prediction_rows(task, examples, honest, decided)


def measure_errors(task: Task, examples: Sequence[Example], rows: Sequence[Row]) -> Errors:
    """What a checkpoint keeps of its `cv_rows`, for abstention and corrected prevalence."""
    judged = join(gold_rows(task, examples), rows)
    sums = [[round(x, 3) if x % 1 else int(x) for x in line] for line in error_sums(judged).tolist()]
    return Errors(risk=risk_table(risk_curve(judged)), sums=tuple(tuple(line) for line in sorted(sums)))


def _per_span(values: NDArray[np.int64], examples: Sequence[Example]) -> NDArray[np.int64]:
    return np.repeat(values, [len(e.spans) for e in examples])
