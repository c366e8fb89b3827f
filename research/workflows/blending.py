"""Finished runs as one model: their checkpoints become its parts, and nothing is trained again.

Thresholds and calibration of the blend are chosen on the runs' own out-of-fold probabilities, averaged: each row was
judged by models that had not seen its article, whatever folds and seed a run had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from research.config import Blend, RunConfig, run_config
from research.datasets import Dataset
from research.models.blend import BlendModel
from research.models.checkpoint import Checkpoint
from research.models.protocol import Probabilities
from research.records import Example, ResearchError, Row, Task, gold_rows
from research.workflows.folds import Progress
from research.workflows.registry import find_run, load_model
from research.workflows.results import read_rows
from research.workflows.tracking import add_note, fetched, open_store
from research.workflows.train import HELD_OUT, TrainResult, assemble, text_digest, train

OUT_OF_FOLD = "predictions/cv.jsonl"


@dataclass(frozen=True)
class Finished:
    """A finished run, with the rows that its cross-validation predicted."""

    run_id: str
    name: str
    config: RunConfig
    checkpoint: Checkpoint
    rows: Sequence[Row]


def blend(
    references: Sequence[str],
    *,
    weights: Sequence[float] = (),
    promoted: bool = False,
    save: Path | None = None,
    progress: Progress = lambda *_: None,
) -> TrainResult:
    """One run that blends the runs `references`, scored on the dataset of the first and logged like any other.

    ResearchError when they cannot be blended: another task, other training articles, no cross-validation, or an
    article of a held-out split that one of them was trained on.
    """
    if len(references) < 2:
        raise ResearchError("blend: expected two runs or more")
    if weights and len(weights) != len(references):
        raise ResearchError(f"--weights: expected {len(references)}, one for each run")
    runs = []
    for i, reference in enumerate(references):
        progress("read a run", i, len(references))
        runs.append(_finished(reference))
    first = runs[0]
    keys = {row.key for row in first.rows}
    for other in runs[1:]:
        if other.config.task != first.config.task:
            raise ResearchError(f"run {other.name}: its task is '{other.config.task}', not '{first.config.task}'")
        if {row.key for row in other.rows} != keys:
            raise ResearchError(f"run {other.name}: not cross-validated on the same articles as {first.name}")
    model = Blend.model_validate({"parts": [run.checkpoint.config for run in runs], "weights": tuple(weights)})

    def fit(
        config: RunConfig,
        task: Task,
        dataset: Dataset,
        examples: Sequence[Example],
        _extra: Sequence[Example],
        _progress: Progress,
        _state: Path | None,
    ) -> tuple[Checkpoint, list[Row]]:
        if {row.key for row in gold_rows(task, examples)} != keys:
            raise ResearchError(f"{dataset.name}: no longer the articles that {first.name} was cross-validated on")
        texts = {text for run in runs for text in run.checkpoint.trained_on["texts"]}
        held_out = [a for split in HELD_OUT if split in dataset.splits for a in dataset.articles(split)]
        seen = [a.article_id for a in held_out if text_digest(a) in texts]
        if seen:
            raise ResearchError(f"{dataset.name}: a run was trained on held-out articles: {', '.join(seen[:3])} ...")
        add_note("Blends the runs " + ", ".join(f"{run.name} ({run.run_id})" for run in runs))
        parts = [run.checkpoint for run in runs]
        blended = BlendModel.of(model, task, [p.model for p in parts], [p.calibration for p in parts])
        probabilities = blended.pool([_in_order(task, examples, run.rows) for run in runs])
        trained_on = {"dataset": dataset.name, "revision": dataset.revision, "texts": sorted(texts)}
        return assemble(config, task, blended, examples, probabilities, trained_on)

    config = first.config.model_copy(update={"model": model})
    return train(config, promoted=promoted, save=save, fit=fit, progress=progress)


def _finished(reference: str) -> Finished:
    client = open_store()
    run = find_run(client, reference)
    run_id, name = run.info.run_id, run.info.run_name
    if run.info.status != "FINISHED":
        raise ResearchError(f"run {name}: not finished ({run.info.status.lower()})")
    with fetched(client, run_id, "config.yaml") as file:
        config = run_config(file=file)
    try:
        rows = read_rows(client, run_id, OUT_OF_FOLD)
    except ResearchError:
        raise ResearchError(f"run {name}: was not cross-validated; train it with --folds 5") from None
    return Finished(run_id, name, config, load_model(run_id)[0], rows)


def _in_order(task: Task, examples: Sequence[Example], rows: Sequence[Row]) -> Probabilities:
    """Shape (spans, labels): the rows' probabilities in the order of the examples."""
    found = {row.key: row.probabilities for row in rows}
    return np.array([[found[gold.key][label] for label in task.labels] for gold in gold_rows(task, examples)])
