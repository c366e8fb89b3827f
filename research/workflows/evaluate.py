"""Any trained model scored on any dataset it has not seen, as an MLflow run of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from research.config import Scoring, dataset_config
from research.datasets import load_dataset
from research.records import ResearchError, Score, gold_rows
from research.workflows.registry import load_model
from research.workflows.results import log_split
from research.workflows.tracking import add_note, log_dataset, tracked_run
from research.workflows.train import annotated, text_digest


@dataclass(frozen=True)
class Evaluation:
    run_id: str
    run_name: str
    split: str
    scores: Sequence[Score]
    floor: float


def evaluate(
    reference: str,
    target: str,
    *,
    drop_seen: bool = False,
    experiment: str | None = None,
    name: str | None = None,
    nested: bool = False,
) -> Evaluation:
    """Score the model `reference` on `target`, a DATASET:SPLIT. Articles whose text the model was trained on are an
    error, or left out with `drop_seen`. `name` is the run's; `experiment` and `nested` are as in `train`."""
    dataset_name, colon, split = target.rpartition(":")
    if not colon:
        raise ResearchError(f"--dataset {target}: expected NAME:SPLIT, such as attribution-gold:dev")
    checkpoint, origin = load_model(reference)
    dataset = load_dataset(dataset_config(dataset_name))
    articles = dataset.articles(split)
    seen = set(checkpoint.trained_on.get("texts", ()))
    fresh = [article for article in articles if text_digest(article) not in seen]
    if len(fresh) < len(articles) and not drop_seen:
        raise ResearchError(
            f"{target}: the model was trained on {len(articles) - len(fresh)} of its {len(articles)} articles; "
            f"leave them out with --drop-seen"
        )
    examples = annotated(checkpoint.task, fresh)
    if not examples:
        raise ResearchError(f"{target}: no unseen article is annotated for task '{checkpoint.task.name}'")
    kind = checkpoint.config.model_dump()["kind"]
    run_name = name or f"{kind}-{checkpoint.trained_on.get('dataset', 'untrained')}-on-{dataset.name}"
    tags = {
        "evaluates": origin["run_id"] or reference,
        "dataset": dataset.name,
        "dataset_revision": dataset.revision,
        "trained_on": str(checkpoint.trained_on.get("dataset")),
        **({"experiment": experiment} if experiment else {}),
    }
    with tracked_run(checkpoint.task.name, run_name, tags, nested=nested) as run:
        import mlflow

        mlflow.log_params({"model.kind": kind, "dataset.kind": dataset.name, "split": split})
        log_dataset(dataset, [split])
        add_note(f"Run it again:\n\n    research evaluate {tags['evaluates']} --dataset {target}")
        started = time.perf_counter()
        rows = checkpoint.predict(examples)
        mlflow.log_metric("cost/predict_per_second", len(rows) / (time.perf_counter() - started))
        scores, floor = log_split(split, gold_rows(checkpoint.task, examples), rows, Scoring())
        return Evaluation(run.info.run_id, run_name, split, scores, floor)
