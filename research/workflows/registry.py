"""Trained models in MLflow: logging one, promoting it to champion, and finding it again by run, name or folder.

Besides, the models that the package carries: found by `bundled/TASK`, and used where there is no champion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import research.models
from research.models.checkpoint import Checkpoint
from research.records import TASKS, ResearchError, Task
from research.workflows.tracking import NOTE, open_store, store_exists, store_uri

CHAMPION = "champion"
BUNDLED = "bundled"
BUNDLED_FOLDER = Path(research.models.__file__).parent / BUNDLED
EXAMPLE = "The ministry denied that its drones had crossed the border, and said an inquiry might follow."

EXAMPLE_CLAIM = "Drones crossed the border."


def log_checkpoint(folder: Path, task: Task, costs: Mapping[str, float], extra: str = "") -> None:
    """The checkpoint as an MLflow model of the current run: pyfunc with signature and input example, no pickle.
    `extra`, such as "[transformers]", is what of this package is needed to load it."""
    import mlflow
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    outputs = [ColSpec("long", n) for n in ("row", "start", "end")] + [ColSpec("string", n) for n in ("text", "labels")]
    outputs += [ColSpec("double", label) for label in task.labels]
    example = {"text": [EXAMPLE], **({"claim": [EXAMPLE_CLAIM]} if task.pair else {})}
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6
    info = mlflow.pyfunc.log_model(
        name="model",
        loader_module="research.workflows.serving",
        data_path=str(folder),
        signature=ModelSignature(inputs=Schema([ColSpec("string", n) for n in example]), outputs=Schema(outputs)),
        input_example=pd.DataFrame(example),
        pip_requirements=[f"stance-attribution{extra}"],
    )
    mlflow.log_metrics({**costs, "cost/model_mb": size}, model_id=info.model_id)


def promote(run_id: str, name: str) -> str:
    """Register the run's model under the task's name, and move the alias `champion` to it. Returns the version."""
    import mlflow

    client = open_store()
    with redirect_stderr(StringIO()):  # MLflow prints there what the command line says itself
        version = str(mlflow.register_model(f"runs:/{run_id}/model", name).version)
    run = client.get_run(run_id)
    client.update_model_version(name, version, description=run.data.tags.get(NOTE, ""))
    client.set_registered_model_alias(name, CHAMPION, version)
    return version


def load_model(reference: str) -> tuple[Checkpoint, dict[str, str]]:
    """A checkpoint and where it comes from (name, version, run_id) by FOLDER, bundled/TASK, NAME@ALIAS, run id or
    run name."""
    if reference and Path(reference).is_dir():
        folder = Path(reference)
        return Checkpoint.load(folder), _origin(folder.name, "", "")
    if reference.startswith(f"{BUNDLED}/"):
        bundled, task = load_bundled(), reference.partition("/")[2]
        if task not in bundled:
            raise ResearchError(f"no model {reference}; known: {', '.join(f'{BUNDLED}/{t}' for t in bundled)}")
        return bundled[task]
    client = open_store()
    if "@" in reference:
        name, _, alias = reference.partition("@")
        return load_registered(client, name, alias)
    run = find_run(client, reference)
    return _download(f"runs:/{run.info.run_id}/model"), _origin(run.info.run_name, "", run.info.run_id)


def load_registered(client: Any, name: str, alias: str) -> tuple[Checkpoint, dict[str, str]]:
    from mlflow.exceptions import MlflowException

    try:
        version = client.get_model_version_by_alias(name, alias)
    except MlflowException:
        known = [f"{m.name}@{a}" for m in client.search_registered_models() for a in m.aliases]
        raise ResearchError(f"no model {name}@{alias} in {store_uri()}; known: {', '.join(known) or 'none'}") from None
    return _download(f"models:/{name}/{version.version}"), _origin(name, str(version.version), version.run_id)


def load_champions(tasks: Iterable[str] = tuple(TASKS)) -> dict[str, tuple[Checkpoint, dict[str, str]]]:
    """The champion of each of `tasks` that has one. Where no run was ever made, MLflow is not even imported."""
    if not store_exists():
        return {}
    client = open_store()
    aliases = {m.name for m in client.search_registered_models() if CHAMPION in m.aliases}
    return {task: load_registered(client, task, CHAMPION) for task in tasks if task in aliases}


def load_bundled() -> dict[str, tuple[Checkpoint, dict[str, str]]]:
    """The models that the package carries, by task. Their version is the revision of the data they were trained on."""
    checkpoints = {task: Checkpoint.load(BUNDLED_FOLDER / task) for task in TASKS if (BUNDLED_FOLDER / task).is_dir()}
    return {task: (c, _origin(f"{BUNDLED}/{task}", c.trained_on["revision"], "")) for task, c in checkpoints.items()}


def is_bundled(origin: Mapping[str, str]) -> bool:
    """Whether a model, by where it comes from, is one that the package carries."""
    return origin["name"].startswith(f"{BUNDLED}/")


def find_run(client: Any, reference: str, experiment: str | None = None) -> Any:
    """A run by id, unique prefix of an id, or name (the newest of that name), in all experiments or in one."""
    experiments = [experiment] if experiment else [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(experiments, max_results=1000, order_by=["attributes.start_time DESC"])
    for run in runs:
        if reference in (run.info.run_id, run.info.run_name):
            return run
    starting = [run for run in runs if len(reference) >= 4 and run.info.run_id.startswith(reference)]
    if len(starting) == 1:
        return starting[0]
    names = list(dict.fromkeys(run.info.run_name for run in runs))[:8]
    problem = f"{len(starting)} runs begin with" if starting else "no run or model folder"
    raise ResearchError(f"{problem} '{reference}' in {store_uri()}; newest runs: {', '.join(names) or 'none'}")


def _download(uri: str) -> Checkpoint:
    import mlflow

    with TemporaryDirectory() as folder:
        try:
            local = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder)
        except Exception as e:  # each artifact store raises its own
            raise ResearchError(f"{uri} has no model in {store_uri()}: {' '.join(str(e).split())}") from None
        checkpoint = Path(local, "data", "checkpoint")
        if not checkpoint.is_dir():  # MLflow "downloads" a folder that is gone as an empty one
            raise ResearchError(f"{uri} has no model in {store_uri()}: its files are gone")
        return Checkpoint.load(checkpoint)


def _origin(name: str, version: str, run_id: str) -> dict[str, str]:
    return {"name": name, "version": version, "run_id": run_id}
