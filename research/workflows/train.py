"""One config, one seed, one MLflow run: data in, folds, thresholds, scores, a checkpoint out."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from research.config import RunConfig, flatten
from research.datasets import Dataset, audit, drop_leaks, leaks, load_dataset
from research.models import create
from research.models.calibration import calibrated
from research.models.checkpoint import Checkpoint, is_checkpoint
from research.models.protocol import gold_matrix
from research.records import TASKS, Article, Example, ResearchError, Row, Score, Task, examples_for, gold_rows
from research.workflows.folds import (
    Progress,
    choose_calibration,
    choose_thresholds,
    cv_rows,
    measure_errors,
    out_of_fold,
)
from research.workflows.registry import log_checkpoint, promote
from research.workflows.results import log_split
from research.workflows.tracking import add_note, log_config, log_dataset, tracked_run

HELD_OUT = ("dev", "test")


@dataclass(frozen=True)
class TrainResult:
    """What a training run came to; `version` is set when the model was promoted."""

    run_id: str
    run_name: str
    scores: Mapping[str, Sequence[Score]]
    floors: Mapping[str, float]
    thresholds: Mapping[str, float]
    version: str | None


def train(
    config: RunConfig,
    *,
    promoted: bool = False,
    save: Path | None = None,
    experiment: str | None = None,
    model_name: str | None = None,
    nested: bool = False,
    progress: Progress = lambda *_: None,
) -> TrainResult:
    """Train, score and log one run. ResearchError when a split leaks or there is nothing to learn from.

    The model goes into the run, and to the folder `save` as well; `promoted` makes it the champion of its task.
    `model_name` is what an experiment calls the model (else its kind); `nested` makes the run a child of the current.
    """
    if save and save.exists() and (not save.is_dir() or any(save.iterdir())) and not is_checkpoint(save):
        raise ResearchError(f"--save {save}: holds something that is not a model; name an empty or new folder")
    task = TASKS[config.task]
    dataset = without_leaks(load_dataset(config.dataset), drop=config.train.drop_leaks)
    examples = {split: annotated(task, dataset.articles(split)) for split in dataset.splits}
    if not examples.get("train"):
        raise ResearchError(f"{dataset.name}: no article of train is annotated for task '{task.name}'")
    held_out = [split for split in HELD_OUT if examples.get(split)]
    name = f"{model_name or config.model.kind}-{dataset.name}-s{config.train.seed}"
    tags = {
        "dataset": dataset.name,
        "dataset_revision": dataset.revision,
        "config_digest": config_digest(config),
        **({"experiment": experiment} if experiment else {}),
    }
    with tracked_run(task.name, name, tags, nested=nested) as run:
        log_config(flatten(config.model_dump(mode="json")), to_yaml(config))
        log_dataset(dataset, ["train", *held_out])
        source = f"{dataset.name} ({dataset.revision}), seed {config.train.seed}"
        add_note(
            f"`{config.model.kind}` for {task.name}, trained on {source}. Use it:\n\n"
            f"    research classify FILE --model {run.info.run_id}\n"
            f"    mlflow.pyfunc.load_model('runs:/{run.info.run_id}/model')"
        )
        started = time.perf_counter()
        checkpoint, cv = _fit(config, task, dataset, examples["train"], progress)
        costs = {"cost/train_seconds": time.perf_counter() - started}
        predicted: dict[str, list[Row]] = {"cv": cv}
        for i, split in enumerate(held_out):
            progress("predict", i, len(held_out))
            started = time.perf_counter()
            predicted[split] = checkpoint.predict(examples[split])
            costs["cost/predict_per_second"] = len(predicted[split]) / (time.perf_counter() - started)
        scores, floors = {}, {}
        for split, rows in predicted.items():
            gold = gold_rows(task, examples["train" if split == "cv" else split])
            scores[split], floors[split] = log_split(split, gold, rows, config.scoring)
        progress("log the model", 0, 1)
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.save(Path(folder, "checkpoint"))
            log_checkpoint(Path(folder, "checkpoint"), task, costs)
            if save:
                shutil.rmtree(save, ignore_errors=True)
                shutil.copytree(Path(folder, "checkpoint"), save)
        run_id = run.info.run_id
    version = promote(run_id, task.name) if promoted else None
    thresholds = dict(zip(task.labels, checkpoint.thresholds, strict=True))
    return TrainResult(run_id, name, scores, floors, thresholds, version)


def to_yaml(config: RunConfig) -> str:
    """The complete config, as config.yaml holds it."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def config_digest(config: RunConfig) -> str:
    """12 hex digits that name a complete config."""
    return hashlib.sha256(to_yaml(config).encode()).hexdigest()[:12]


def annotated(task: Task, articles: Sequence[Article]) -> list[Example]:
    """The examples of `task` whose gold is known."""
    return [example for example in examples_for(task, articles) if example.gold]


def without_leaks(dataset: Dataset, *, drop: bool) -> Dataset:
    """The dataset as it is when no text stands in two splits; else less its leaking articles, or refused."""
    found = audit(dataset)
    pairs = leaks(found)
    if not pairs:
        return dataset
    if drop:
        return drop_leaks(dataset, found)
    first = pairs[0]
    raise ResearchError(
        f"{dataset.name}: {len(pairs)} pairs of articles stand in two splits "
        f"(first: {first.left} in {first.left_split}, {first.right} in {first.right_split}, {first.kind}); "
        f"see `research data audit`, or drop the training side with --drop-leaks"
    )


def text_digest(article: Article) -> str:
    """16 hex digits that name an article's text."""
    return hashlib.sha256(article.text.encode()).hexdigest()[:16]


def _fit(
    config: RunConfig, task: Task, dataset: Dataset, examples: Sequence[Example], progress: Progress
) -> tuple[Checkpoint, list[Row]]:
    """The checkpoint fitted on all of train, and the cross-validated rows."""
    probabilities, gold = out_of_fold(config, task, examples, progress), gold_matrix(examples, task)
    calibration = choose_calibration(config, task, probabilities, gold)
    thresholds = choose_thresholds(config, task, calibrated(calibration, probabilities), gold)
    cv = cv_rows(config, task, examples, probabilities)
    progress("fit on all", 0, 1)
    model = create(config.model, task, config.train.seed)
    model.fit(examples)
    trained_on = {
        "dataset": dataset.name,
        "revision": dataset.revision,
        "texts": sorted({text_digest(e.article) for e in examples}),
    }
    errors = measure_errors(task, examples, cv)
    return Checkpoint(model, config.model, task, thresholds, trained_on, calibration, errors), cv
