"""The MLflow store: where it is, and one run in it from start to end.

The default is SQLite in the working directory (`mlflow.db`) with artifacts beside it (`mlartifacts/`); any
MLFLOW_TRACKING_URI works. MLflow experiments are named by task.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from research.datasets import Dataset
from research.records import ResearchError, Score

MAIN_METRICS = ("test/macro_f1", "dev/macro_f1", "cv/macro_f1")
SHOWN_PARAMETERS = ("model.kind", "dataset.kind", "train.seed")
SHOWN_COSTS = ("cost/train_seconds", "cost/predict_per_second", "cost/model_mb")


def store_uri() -> str:
    """MLFLOW_TRACKING_URI, or SQLite in the working directory."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path.cwd() / 'mlflow.db'}"


def open_store() -> Any:
    """An MlflowClient on the store, created if need be. ResearchError when it cannot be read or written."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for noisy in ("alembic", "mlflow"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    import mlflow

    uri = store_uri()
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    try:
        if not uri.startswith("sqlite:///"):
            client.search_experiments(max_results=1)
            return client
        database = Path(uri.removeprefix("sqlite:///"))
        with FileLock(f"{database}.lock", timeout=60):  # two first starts at once would both create the tables
            client.search_experiments(max_results=1)
        if not os.access(database, os.W_OK):
            raise PermissionError(f"{database} is read-only")
    except Exception as e:  # MLflow, SQLAlchemy and the file system each raise their own
        reason = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
        raise ResearchError(f"cannot open the run store {uri}: {reason}") from None
    return client


def experiment_id(client: Any, task: str) -> str:
    """The MLflow experiment of a task; a new one gets a view that shows metrics and parameters in the run table."""
    found = client.get_experiment_by_name(task)
    if found:
        return str(found.experiment_id)
    uri = store_uri()
    location = None
    if uri.startswith("sqlite:///"):
        location = (Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts").as_uri()
    created = str(client.create_experiment(task, artifact_location=location))
    columns = [f"params.`{p}`" for p in SHOWN_PARAMETERS] + [f"metrics.`{m}`" for m in (*MAIN_METRICS, *SHOWN_COSTS)]
    view = {"searchFilter": "", "orderByKey": f"metrics.`{MAIN_METRICS[0]}`", "orderByAsc": False}
    client.set_experiment_tag(
        created, "mlflow.sharedViewState.leaderboard", json.dumps({**view, "selectedColumns": columns})
    )
    return created


@contextmanager
def tracked_run(task: str, name: str, tags: Mapping[str, str]) -> Iterator[Any]:
    """One MLflow run: FINISHED at the end, KILLED on Ctrl-C or SIGTERM, FAILED on any other error."""
    import mlflow

    client = open_store()
    run = mlflow.start_run(experiment_id=experiment_id(client, task), run_name=name, tags={**tags, **_code_tags()})
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        mlflow.end_run(status)


def log_config(flat: Mapping[str, Any], resolved: str) -> None:
    """The flattened config as parameters, the resolved one as the artifact config.yaml."""
    import mlflow

    first = [key for key in SHOWN_PARAMETERS if key in flat]
    mlflow.log_params({key: flat[key] for key in [*first, *(k for k in flat if k not in first)]})
    mlflow.log_text(resolved, "config.yaml")


def log_dataset(dataset: Dataset, splits: Iterable[str]) -> None:
    """Name and revision of each split used, as an MLflow dataset; the data themselves stay where they are."""
    import mlflow
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    for split in splits:
        source = HTTPDatasetSource(url=dataset.card.homepage or f"package:{dataset.name}")
        entry = MetaDataset(source, name=f"{dataset.name}:{split}", digest=dataset.revision)
        mlflow.log_input(entry, context=split, tags={"articles": str(dataset.splits[split].num_rows)})


def log_scores(split: str, scores: Iterable[Score], floor: float) -> None:
    """Metrics `<split>/<metric>`, with `_low` and `_high` where there is an interval."""
    import mlflow

    metrics = {f"{split}/macro_f1_floor": floor}
    for score in scores:
        metrics[f"{split}/{score.metric}"] = score.value
        if score.low is not None and score.high is not None:
            metrics[f"{split}/{score.metric}_low"] = score.low
            metrics[f"{split}/{score.metric}_high"] = score.high
        if score.metric == "macro_f1":
            metrics |= {f"{split}/rows": float(score.n), f"{split}/articles": float(score.articles)}
    mlflow.log_metrics({name: value for name, value in metrics.items() if value == value})


def _code_tags() -> dict[str, str]:
    """Git commit and whether the tree had changes, of the code that runs; absent outside a checkout."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(here), *arguments], capture_output=True, text=True, check=True).stdout

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)  # an installed copy may lie in a stranger's checkout
        commit, dirty = git("rev-parse", "HEAD").strip(), bool(git("status", "--porcelain", "--", str(here)).strip())
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"mlflow.source.git.commit": commit, "git_dirty": str(dirty).lower(), "python": sys.version.split()[0]}
