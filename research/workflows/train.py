"""One config, one seed, one MLflow run: data in, folds, thresholds, scores, a checkpoint out."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from filelock import FileLock, Timeout

from research.config import Blend, Cascade, Encoded, RunConfig, Transformer, flatten, run_config
from research.datasets import Dataset, audit, drop_leaks, leaks, load_dataset
from research.datasets.store import cache_folder
from research.models import create
from research.models.calibration import calibrated
from research.models.checkpoint import Checkpoint, is_checkpoint
from research.models.protocol import Fitting, Model, Probabilities, gold_matrix
from research.records import (
    LABELLED_BY,
    TASKS,
    Article,
    Example,
    ResearchError,
    Row,
    Score,
    Task,
    examples_for,
    gold_rows,
)
from research.scoring import average_precision
from research.workflows.folds import (
    Progress,
    choose_calibration,
    choose_thresholds,
    cv_rows,
    hold_out,
    measure_errors,
    out_of_fold,
)
from research.workflows.registry import find_run, log_checkpoint, promote
from research.workflows.results import log_split
from research.workflows.tracking import (
    add_note,
    fetched,
    follows,
    log_config,
    log_dataset,
    open_store,
    own_store,
    tracked_run,
)

HELD_OUT = ("dev", "test")
Fit = Callable[
    [RunConfig, Task, Dataset, Sequence[Example], Sequence[Example], Progress, Path | None],
    tuple[Checkpoint, list[Row]],
]
STATES = Path(".training")  # run id -> how far an interrupted training was; gone when the run is finished


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
    resumed: str | None = None,
    fit: Fit | None = None,
    progress: Progress = lambda *_: None,
) -> TrainResult:
    """Train, score and log one run. ResearchError when a split leaks or there is nothing to learn from.

    The model goes into the run, and to the folder `save` as well; `promoted` makes it the champion of its task.
    `model_name` is what an experiment calls the model (else its kind); `nested` makes the run a child of the current.
    `resumed` is the id of an interrupted run with this config, which goes on where it was. `fit` is what makes the
    checkpoint, where that is not to fit `config.model`.
    """
    if save and save.exists() and (not save.is_dir() or any(save.iterdir())) and not is_checkpoint(save):
        raise ResearchError(f"--save {save}: holds something that is not a model; name an empty or new folder")
    task = TASKS[config.task]
    dataset = without_leaks(load_dataset(config.dataset), drop=config.train.drop_leaks, claims=judges_claims(config))
    examples = {split: annotated(task, dataset.articles(split)) for split in dataset.splits}
    if not examples.get("train"):
        raise ResearchError(f"{dataset.name}: no article of train is annotated for task '{task.name}'")
    judged = getattr(config.model, "judges", HELD_OUT)
    held_out, extra = (
        [split for split in HELD_OUT if examples.get(split) and split in judged],
        examples.get("extra", []),
    )
    name = f"{model_name or config.model.kind}-{dataset.name}-s{config.train.seed}"
    tags = {
        "dataset": dataset.name,
        "dataset_revision": dataset.revision,
        "config_digest": config_digest(config),
        **({"experiment": experiment} if experiment else {}),
    }
    if resumed and (was := open_store().get_run(resumed).data.tags.get("dataset_revision")) != dataset.revision:
        raise ResearchError(
            f"{dataset.name}: the run began with revision {was}, now it is {dataset.revision}: train anew"
        )
    run_id = None if follows() else resumed
    resumable = isinstance(config.model, Transformer | Blend | Cascade) and not fit
    with (
        own_store() if follows() else nullcontext(),
        locked(STATES / run_id) if run_id and resumable else nullcontext(),
        tracked_run(task.name, name, tags, run_id=run_id, nested=nested) as run,
    ):
        if not run_id:
            _describe(config, dataset, [*(["extra"] if extra else []), "train", *held_out], run.info.run_id)
        started = time.perf_counter()
        state = STATES / (resumed or run.info.run_id) if resumable else None
        if run_id and state and not any(state.rglob("*.*")):
            progress("nothing was kept of the run: from the start", 0, 1)
        with locked(state) if state and not run_id and not follows() else nullcontext():
            checkpoint, cv = (fit or _fit)(config, task, dataset, examples["train"], extra, progress, state)
        costs = {f"cost/{name}": value for name, value in getattr(checkpoint.model, "costs", {}).items()}
        # What finished folds of an interrupted training took is not known.
        costs["cost/train_seconds"] = time.perf_counter() - started + costs.pop("cost/earlier_seconds", 0)
        predicted: dict[str, list[Row]] = {"cv": cv} if cv else {}
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
        parts = (config.model, *getattr(config.model, "parts", ()))
        needs = "[transformers]" if any(isinstance(part, Encoded) for part in parts) else ""
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.save(Path(folder, "checkpoint"))
            log_checkpoint(Path(folder, "checkpoint"), task, costs, needs)
            if save and not follows():
                shutil.rmtree(save, ignore_errors=True)
                shutil.copytree(Path(folder, "checkpoint"), save)
        if state and not follows():
            shutil.rmtree(state, ignore_errors=True)
        run_id, name = run.info.run_id, run.info.run_name
    version = promote(run_id, task.name) if promoted and not follows() else None
    thresholds = dict(zip(task.labels, checkpoint.thresholds, strict=True))
    return TrainResult(run_id, name, scores, floors, thresholds, version)


def interrupted(reference: str) -> tuple[RunConfig, str]:
    """The config and the id of the run `reference`, which did not finish. ResearchError when it did, or left nothing
    to go on from."""
    client = open_store()
    run = find_run(client, reference)
    if run.info.status == "FINISHED":
        raise ResearchError(f"--resume {reference}: the run is finished; see `research runs`")
    with fetched(client, run.info.run_id, "config.yaml") as file:
        return run_config(file=file), run.info.run_id


def to_yaml(config: RunConfig) -> str:
    """The complete config, as config.yaml holds it."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def config_digest(config: RunConfig) -> str:
    """12 hex digits that name a complete config."""
    whole = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:12]


def _describe(config: RunConfig, dataset: Dataset, splits: Sequence[str], run_id: str) -> None:
    """Config, data and description of the current run."""
    log_config(flatten(config.model_dump(mode="json")), to_yaml(config))
    log_dataset(dataset, splits)
    source = f"{dataset.name} ({dataset.revision}), seed {config.train.seed}"
    add_note(
        f"`{config.model.kind}` for {config.task}, trained on {source}. Use it:\n\n"
        f"    research classify FILE --model {run_id}\n"
        f"    mlflow.pyfunc.load_model('runs:/{run_id}/model')"
    )


def annotated(task: Task, articles: Sequence[Article]) -> list[Example]:
    """The examples of `task` whose gold is known."""
    return [example for example in examples_for(task, articles) if example.gold]


def without_leaks(dataset: Dataset, *, drop: bool, claims: bool = False) -> Dataset:
    """The dataset as it is when no text, and with `claims` no claim, stands in two splits; else less what leaks on the
    training side, or refused."""
    found = audit(dataset)
    pairs = leaks(found)
    if not pairs and not (claims and found.claims):
        return dataset
    if drop:
        return drop_leaks(dataset, found, claims=claims)
    if pairs:
        first = pairs[0]
        what = (
            f"{len(pairs)} pairs of articles stand in two splits "
            f"(first: {first.left} in {first.left_split}, {first.right} in {first.right_split}, {first.kind})"
        )
    else:
        shared = found.claims[0]
        what = (
            f"{len(found.claims)} claims stand in two splits "
            f"(first: '{shared.claim}' in {shared.left_split} and {shared.right_split})"
        )
    also = "" if pairs else ", or allow a fixed list of claims with --set train.shared_claims=true"
    raise ResearchError(
        f"{dataset.name}: {what}; see `research data audit`, or drop the training side with --drop-leaks{also}"
    )


def judges_claims(config: RunConfig) -> bool:
    """Whether claims in two splits are a leak."""
    return config.task == "stance" and not config.train.shared_claims


def text_digest(article: Article) -> str:
    """16 hex digits that name an article's text."""
    return hashlib.sha256(article.text.encode()).hexdigest()[:16]


def _fit(
    config: RunConfig,
    task: Task,
    dataset: Dataset,
    examples: Sequence[Example],
    extra: Sequence[Example],
    progress: Progress,
    state: Path | None,
) -> tuple[Checkpoint, list[Row]]:
    """The checkpoint, and the cross-validated rows (none without folds). `extra` is only learned from; what a model
    labelled not in the folds, since that model may have learned from the articles that they hold out."""
    model = create(config.model, task, config.train.seed)
    if config.train.folds:
        by_people = [e for e in extra if LABELLED_BY not in e.article.fields]
        judged, probabilities = examples, out_of_fold(config, task, examples, progress, state, by_people)
        progress("fit on all", 0, 1)
        model.fit([*examples, *extra], _fitting(progress, state))
    else:
        fitted, judged = hold_out(config, examples)
        model.fit([*fitted, *extra], _fitting(progress, state, task, judged))
        probabilities = model.predict_proba(judged)
    trained_on = {
        "dataset": dataset.name,
        "revision": dataset.revision,
        "texts": sorted({text_digest(e.article) for e in (*examples, *extra)}),
    }
    checkpoint, rows = assemble(config, task, model, judged, probabilities, trained_on)
    return checkpoint, rows if config.train.folds else []


def assemble(
    config: RunConfig,
    task: Task,
    model: Model,
    judged: Sequence[Example],
    probabilities: Probabilities,
    trained_on: dict[str, Any],
) -> tuple[Checkpoint, list[Row]]:
    """The checkpoint of a fitted model, with what is chosen on the `probabilities` (spans, labels) of annotated
    examples by models that had not seen them; and honest rows of these examples."""
    gold = gold_matrix(judged, task)
    calibration = choose_calibration(config, task, probabilities, gold)
    thresholds = choose_thresholds(config, task, calibrated(calibration, probabilities), gold)
    rows = cv_rows(config, task, judged, probabilities)
    errors = measure_errors(task, judged, rows)
    return Checkpoint(model, config.model, task, thresholds, trained_on, calibration, errors), rows


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The state of a run for this process alone; a lock ends with the process that holds it, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ResearchError(f"run {folder.name}: another process is training it") from None
    try:
        yield
    finally:
        lock.release()


def _fitting(
    progress: Progress, state: Path | None, task: Task | None = None, held_out: Sequence[Example] = ()
) -> Fitting:
    """Curves into the current run; `held_out` is scored after each epoch by its average precision, which needs no
    thresholds."""

    def judge(probabilities: Probabilities) -> float:
        assert task
        columns = zip(probabilities.T, gold_matrix(held_out, task).T, strict=True)
        return float(np.mean([average_precision(p, gold) for p, gold in columns]))

    def report(epoch: int, numbers: Mapping[str, float]) -> None:
        import mlflow

        mlflow.log_metrics({f"epoch/{name}": value for name, value in numbers.items()}, step=epoch)

    return Fitting(held_out, judge, report, progress, state / "whole" if state else None, cache_folder())
