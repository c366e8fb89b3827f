"""The Optuna study: where it is stored, one process at a time on it, and which of its trials count."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from research.records import ResearchError
from research.workflows.tracking import open_store, store_uri

DATABASE = "optuna.db"
UNPRUNED_TRIALS = 4  # complete ones before the first may be pruned


def import_optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise ResearchError("`research tune` needs Optuna (the extra 'tune'): pip install 'optuna>=4,<5'") from None
    optuna.logging.set_verbosity(logging.ERROR)
    return optuna


@contextmanager
def open_study(name: str, settings: Mapping[str, Any]) -> Iterator[Any]:
    """The Optuna study of that name, new or as it was left, for this process alone; what a kill left open is closed.
    ResearchError when it was made with other settings, its run is gone, or another process has it."""
    if not name or Path(name).name != name:
        raise ResearchError(f"--name {name}: expected a name without '/'")
    client, uri = open_store(), store_uri()
    beside = Path(uri.removeprefix("sqlite:///")).absolute().parent if uri.startswith("sqlite:///") else Path.cwd()
    database = beside / DATABASE
    try:
        alone = FileLock(f"{database}.{name}.lock", timeout=0).acquire()
    except Timeout:  # an OSError, too
        raise ResearchError(f"study '{name}' is running in another process") from None
    except OSError as e:
        raise ResearchError(f"--name {name}: cannot lock the study: {e.strerror}") from None
    with alone:
        storage, study = _load(database, name)
        try:
            _check_settings(study, settings)
            _close_what_is_open(study, client)
            yield study
        finally:
            storage.remove_session()
            storage.engine.dispose()


def _load(database: Path, name: str) -> tuple[Any, Any]:
    """Optuna's storage, and the study in it."""
    optuna = import_optuna()
    try:
        with FileLock(f"{database}.lock", timeout=60):  # two first starts would both create the tables
            engine = {"connect_args": {"timeout": 60}}
            storage = optuna.storages.RDBStorage(f"sqlite:///{database}", engine_kwargs=engine)
            study = optuna.create_study(
                storage=storage,
                study_name=name,
                direction="maximize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS),
                load_if_exists=True,
            )
    except Exception as e:  # Optuna, SQLAlchemy and the file system each raise their own
        raise ResearchError(f"cannot open the studies in {database}: {_first_line(e)}") from None
    return storage, study


def _check_settings(study: Any, settings: Mapping[str, Any]) -> None:
    before = study.user_attrs.get("settings")
    if before is None:
        study.set_user_attr("settings", dict(settings))
        return
    other = [key for key in dict.fromkeys([*before, *settings]) if before.get(key) != settings.get(key)]
    if other:
        raise ResearchError(f"study '{study.study_name}' was made with another {', '.join(other)}; give another --name")


def _close_what_is_open(study: Any, client: Any) -> None:
    """Mark the runs and trials that a killed process left RUNNING."""
    from mlflow.exceptions import MlflowException
    from optuna.trial import TrialState

    if run_id := study.user_attrs.get("run_id"):
        try:
            parent = client.get_run(run_id).info
            reason = "it was deleted" if parent.lifecycle_stage == "deleted" else ""
        except MlflowException as e:
            reason = _first_line(e)
        if reason:
            raise ResearchError(
                f"study '{study.study_name}': its run {run_id} is not in {store_uri()} ({reason}); give another --name"
            )
        left = f"tags.mlflow.parentRunId = '{run_id}' and attributes.status = 'RUNNING'"
        for run in client.search_runs([parent.experiment_id], left):
            client.set_terminated(run.info.run_id, "KILLED")
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def finished(study: Any) -> list[Any]:
    """The trials that count: complete, pruned, or failed for a reason of their own. Interrupted ones do not."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    return [trial for trial in ended if trial.state.name != "FAIL" or "problem" in trial.user_attrs]


def complete(study: Any) -> list[Any]:
    """The best first; of equals the earlier."""
    found = [trial for trial in finished(study) if trial.state.name == "COMPLETE"]
    return sorted(found, key=lambda trial: (-trial.value, trial.number))


def best_so_far(study: Any) -> str:
    best = complete(study)[:1]
    return f"best so far {best[0].value:.3f} ({name_of(best[0])}); " if best else ""


def name_of(trial: Any) -> str:
    number = trial.user_attrs["index"]
    return f"trial {number}" if number else "default"
