"""Out-of-fold predictions by article, the calibration and thresholds chosen on them, and honest cv/ rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from research.config import RunConfig, Trained
from research.datasets.store import cache_folder
from research.models import create
from research.models.calibration import Calibration, calibrated, fit_calibration
from research.models.checkpoint import Errors, prediction_rows
from research.models.decision import decide
from research.models.protocol import Fitting, Gold, Probabilities, gold_matrix
from research.records import Example, ResearchError, Row, Task, gold_rows
from research.scoring import best_proportions, best_threshold, error_sums, join, risk_curve, risk_table
from research.workflows.tracking import follows

Progress = Callable[[str, int, int], None]


def assign_folds(examples: Sequence[Example], folds: int, seed: int) -> NDArray[np.int64]:
    """A fold number per example; the examples of one article, and all articles of one event, share theirs."""
    units = sorted({e.article.event or e.article.article_id for e in examples})
    if len(units) < folds:
        raise ResearchError(f"train.folds: {folds} folds need as many articles or events; train has {len(units)}")
    fold_of = {units[u]: i % folds for i, u in enumerate(np.random.default_rng(seed).permutation(len(units)))}
    return np.array([fold_of[e.article.event or e.article.article_id] for e in examples])


def out_of_fold(
    config: RunConfig,
    task: Task,
    examples: Sequence[Example],
    progress: Progress = lambda *_: None,
    state: Path | None = None,
    extra: Sequence[Example] = (),
) -> Probabilities:
    """Shape (spans, labels): each article judged by a model that was fitted on the other folds, and on `extra`. A fold
    that is found in the folder `state` is not fitted again."""
    probabilities = np.zeros((sum(len(e.spans) for e in examples), len(task.labels)))
    for own, found in each_fold(config, task, examples, progress, state, extra):
        probabilities[own] = found
    return probabilities


def each_fold(
    config: RunConfig,
    task: Task,
    examples: Sequence[Example],
    progress: Progress = lambda *_: None,
    state: Path | None = None,
    extra: Sequence[Example] = (),
) -> Iterator[tuple[NDArray[np.bool_], Probabilities]]:
    """Fold by fold, each fitted when it is asked for: which spans it holds (spans,), and their probabilities."""
    fold = assign_folds(examples, config.train.folds, config.train.seed)
    for i in range(config.train.folds):
        progress("fold", i, config.train.folds)
        folder = state / f"fold-{i}" if state else None
        fitted, own = ([e for e, f in zip(examples, fold, strict=True) if (f == i) == held] for held in (False, True))
        found = _fold_probabilities(config, task, [*fitted, *extra], own, progress, folder)
        yield _per_span(fold, examples) == i, found


def _fold_probabilities(
    config: RunConfig,
    task: Task,
    fitted: Sequence[Example],
    own: Sequence[Example],
    progress: Progress,
    state: Path | None,
) -> Probabilities:
    kept = state / "probabilities.npy" if state else None
    if kept and kept.is_file():
        return np.asarray(np.load(kept, allow_pickle=False))
    model = create(config.model, task, config.train.seed)
    model.fit(fitted, Fitting(progress=progress, state=state, cache=cache_folder()))
    found = model.predict_proba(own)
    if kept and not follows():
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        with part.open("wb") as file:
            np.save(file, found, allow_pickle=False)
        part.replace(kept)
        for left in kept.parent.rglob("training.pt"):  # of a training that is done, and bigger than its weights
            left.unlink()
    return found


def hold_out(config: RunConfig, examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """The examples to fit on, and those that choose thresholds and the best epoch: about `train.held_out` of the
    articles, whole events; two at least, which `cv_rows` judges by each other."""
    units = len({e.article.event or e.article.article_id for e in examples})
    if units < 4:
        raise ResearchError(f"train.held_out: needs 4 articles or events to hold out some; train has {units}")
    fold = assign_folds(examples, max(2, min(round(1 / config.train.held_out), units // 2)), config.train.seed)
    fitted, chosen = ([e for e, f in zip(examples, fold, strict=True) if (f == 0) == own] for own in (False, True))
    return fitted, chosen


def choose_calibration(config: RunConfig, task: Task, probabilities: Probabilities, gold: Gold) -> Calibration | None:
    """The calibration that the config asks for; None where it or the kind of model asks for none."""
    return fit_calibration(getattr(config.model, "calibration", "none"), probabilities, gold, task)


def choose_thresholds(config: RunConfig, task: Task, probabilities: Probabilities, gold: Gold) -> tuple[float, ...]:
    """The threshold per label with the best F1, of a pair task those with the best macro-F1; .5 where the config or
    the kind of model asks for no choice. `probabilities` are the calibrated ones."""
    if not (isinstance(config.model, Trained) and config.model.thresholds == "tuned"):
        return (0.5,) * len(task.labels)
    if not task.multi_label:
        return best_proportions(probabilities, gold) if task.pair else (0.5,) * len(task.labels)
    return tuple(best_threshold(p, g) for p, g in zip(probabilities.T, gold.T, strict=True))


def cv_rows(config: RunConfig, task: Task, examples: Sequence[Example], probabilities: Probabilities) -> list[Row]:
    """Rows calibrated and decided with maps and thresholds that the row's own fold had no part in: chosen on the very
    predictions they are scored on they would flatter the scores. `probabilities` come from `out_of_fold`, or from a
    model that saw none of the examples: without folds they are cut into some for this."""
    gold = gold_matrix(examples, task)
    folds = config.train.folds or min(5, len({e.article.event or e.article.article_id for e in examples}))
    fold = _per_span(assign_folds(examples, folds, config.train.seed), examples)
    decided, honest = np.zeros_like(gold), np.zeros_like(probabilities)
    for i in range(folds):
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
