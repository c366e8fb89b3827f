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
    """The Optuna study of that name, new or as it was left, for this process alone; a trial that was killed is told
    so. ResearchError when it was made with other settings."""
    optuna = import_optuna()
    if not name or Path(name).name != name:
        raise ResearchError(f"--name {name}: expected a name without '/'")
    client, uri = open_store(), store_uri()
    beside = Path(uri.removeprefix("sqlite:///")).absolute().parent if uri.startswith("sqlite:///") else Path.cwd()
    database = beside / DATABASE
    try:
        with FileLock(f"{database}.{name}.lock", timeout=0):
            try:
                with FileLock(f"{database}.lock", timeout=60):  # two first starts would both create the tables
                    storage = optuna.storages.RDBStorage(
                        f"sqlite:///{database}", engine_kwargs={"connect_args": {"timeout": 60}}
                    )
                    study = optuna.create_study(
                        storage=storage,
                        study_name=name,
                        direction="maximize",
                        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS),
                        load_if_exists=True,
                    )
            except Exception as e:  # Optuna, SQLAlchemy and the file system each raise their own
                reason = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
                raise ResearchError(f"cannot open the studies in {database}: {reason}") from None
            try:
                _resume(study, settings, client)
                yield study
            finally:
                storage.remove_session()
                storage.engine.dispose()
    except Timeout:
        raise ResearchError(f"study '{name}' is running in another process") from None


def _resume(study: Any, settings: Mapping[str, Any], client: Any) -> None:
    """Check that the study is the one that is meant, and close what a killed process left open."""
    from mlflow.exceptions import MlflowException
    from optuna.trial import TrialState

    before = study.user_attrs.get("settings")
    if before is None:
        study.set_user_attr("settings", dict(settings))
        return
    other = [key for key in dict.fromkeys([*before, *settings]) if before.get(key) != settings.get(key)]
    if other:
        raise ResearchError(f"study '{study.study_name}' was made with another {', '.join(other)}; give another --name")
    try:
        if "run_id" in study.user_attrs:
            client.get_run(study.user_attrs["run_id"])
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            study.tell(trial.number, state=TrialState.FAIL)
            if run_id := trial.user_attrs.get("run_id"):
                client.set_terminated(run_id, "KILLED")
    except MlflowException as e:
        raise ResearchError(
            f"study '{study.study_name}': its runs are not in {store_uri()} ({str(e).splitlines()[0]}); "
            f"give another --name"
        ) from None


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
