"""The MLflow store: where it is, and one run in it from start to end.

The default is SQLite in the working directory (`mlflow.db`) with artifacts beside it (`mlartifacts/`); any
MLFLOW_TRACKING_URI works. MLflow experiments are named by task.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock

from research.datasets import Dataset
from research.records import TASKS, ResearchError

DEFAULT_STORE = "mlflow.db"
VIEW = "leaderboard"
SHOWN_PARAMETERS = {"model.kind": 95, "dataset.kind": 125, "train.seed": 80}  # widths of the columns in pixels
SPLITS = ("test", "dev", "cv")
NOTE = "mlflow.note.content"
LONGEST_NOTE = 8000  # MLflow cuts a longer tag off


def store_uri() -> str:
    """MLFLOW_TRACKING_URI, or SQLite in the working directory."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path.cwd() / DEFAULT_STORE}"


def store_exists() -> bool:
    """Whether there may be runs: False only where the default store was never made. Imports nothing."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or Path.cwd().joinpath(DEFAULT_STORE).exists()


def open_store() -> Any:
    """An MlflowClient on the store, created if need be. ResearchError when it cannot be read or written."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # what we load is small
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")  # read once, when MLflow is imported
    for noisy in ("alembic", "mlflow"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    import mlflow

    uri = store_uri()
    mlflow.set_tracking_uri(uri)
    database = Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
    try:
        if database:
            _check_database(database)
        # Two first starts at once would both create the tables: already the client does that.
        with FileLock(f"{database}.lock", timeout=60) if database else nullcontext():
            if database and not database.stat().st_size:
                _make_tables(database)
            client = mlflow.MlflowClient()
            client.search_experiments(max_results=1)
    except Exception as e:  # MLflow, SQLAlchemy and the file system each raise their own
        reason = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
        raise ResearchError(f"cannot open the run store {uri}: {reason}") from None
    return client


@contextmanager
def fetched(client: Any, run_id: str, path: str) -> Iterator[Path]:
    """An artifact of a run as a file, for as long as the block lasts: MLflow itself would leave a copy behind."""
    with TemporaryDirectory() as folder:
        try:
            file = Path(client.download_artifacts(run_id, path, folder))
        except Exception as e:  # each artifact store raises its own
            raise ResearchError(f"run {run_id} has no artifact {path}: {e}") from None
        yield file


def _check_database(path: Path) -> None:
    """Opens SQLite for writing, which fails at once where MLflow would try for 100 seconds."""
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"no folder {path.absolute().parent}")
    with closing(sqlite3.connect(path, timeout=60)) as database:
        database.execute("begin immediate")
        database.execute("pragma schema_version")


def _make_tables(path: Path) -> None:
    """A new database, whole or not at all: MLflow makes its tables in dozens of steps, and cannot go on where a kill
    stopped it."""
    import mlflow

    part = path.with_name(f".{path.name}.part")
    for left in path.parent.glob(f"{part.name}*"):  # by a kill, with its journal
        left.unlink()
    mlflow.MlflowClient(f"sqlite:///{part}").search_experiments(max_results=1)
    part.replace(path)


def experiment_id(client: Any, task: str) -> str:
    """The MLflow experiment of a task, created if need be, with the view that `research ui` opens."""
    from mlflow.exceptions import MlflowException

    uri = store_uri()
    location = None
    if uri.startswith("sqlite:///"):
        location = (Path(uri.removeprefix("sqlite:///")).absolute().parent / "mlartifacts").as_uri()
    found = client.get_experiment_by_name(task)
    if not found:
        try:
            client.create_experiment(task, artifact_location=location)
        except MlflowException:  # another process was faster; any other trouble shows in the next line
            pass
        found = client.get_experiment_by_name(task)
    if found.lifecycle_stage == "deleted":
        command = f"mlflow experiments restore --experiment-id {found.experiment_id}"
        raise ResearchError(f"{uri}: the experiment '{task}' was deleted; bring it back with `{command}`")
    scored = [split for split in SPLITS if _is_scored(client, found.experiment_id, split)]
    shown = shared_view(task, scored or SPLITS)
    tag, view = f"mlflow.sharedViewState.{VIEW}", json.dumps(shown, separators=(",", ":"))
    if found.tags.get(tag) != view:
        client.set_experiment_tag(found.experiment_id, tag, view)
    return str(found.experiment_id)


def _is_scored(client: Any, experiment: str, split: str) -> bool:
    """Whether a run of the experiment has scores on the split. Some milliseconds."""
    return bool(client.search_runs([experiment], f"metrics.`{split}/macro_f1` >= 0", max_results=1))


def shared_view(task: str, splits: Sequence[str] = SPLITS) -> dict[str, Any]:
    """What MLflow's run page shows of a task: macro-F1 with its interval, the F1 of each label and the seconds, best
    score on the first split first; the charts of the F1s first, those of the first two splits unfolded. `splits` are
    those that any run was scored on: a chart without a run takes as much room as one with. Without a view the table has
    no metrics and the charts are in A to Z order."""
    widths = {f"params.`{name}`": width for name, width in SHOWN_PARAMETERS.items()}
    labels = TASKS[task].labels
    shown = [f"{split}/macro_f1{end}" for split in splits for end in ("", "_low", "_high")]
    shown += [f"{split}/{label}/f1" for split in splits[:2] for label in labels]
    widths |= {f"metrics.`{name}`": min(15 + 6 * len(name), 120) for name in (*shown, "cost/train_seconds")}
    charts = [(split, f"{split}/{name}") for split in splits for name in ("macro_f1", *(f"{la}/f1" for la in labels))]
    sections = [*splits, *(f"{split}/{label}" for split in splits for label in labels), "cost"]
    return {
        "searchFilter": "",
        "orderByKey": f"metrics.`{splits[0]}/macro_f1`",
        "orderByAsc": False,
        "selectedColumns": list(widths),
        "columnOrder": ["attributes.`Run Name`", "runDateAndNestInfo", *widths, "duration"],
        "columnWidths": widths,
        "compareRunCharts": [
            {"uuid": str(i), "type": "BAR", "metricKey": name, "metricSectionId": section, "runsCountToCompare": 10}
            for i, (section, name) in enumerate(charts)
        ],
        "compareRunSections": [
            {
                "uuid": name if name in splits else str(i),
                "name": name,
                "display": name in splits[:2],
                "isReordered": True,
            }
            for i, name in enumerate(sections)
        ],
        "isAccordionReordered": True,
    }


def follows() -> bool:
    """Whether this process only helps another one to train: `torchrun` and `accelerate launch` start the same command
    several times, and the first one reports."""
    return int(os.environ.get("RANK", "0")) > 0


@contextmanager
def own_store() -> Iterator[None]:
    """A store for one process alone, gone at the end: what a process that `follows` logs is logged already."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    with TemporaryDirectory() as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{Path(folder, DEFAULT_STORE)}"
        try:
            yield
        finally:
            os.environ.pop("MLFLOW_TRACKING_URI")
            if before:
                os.environ["MLFLOW_TRACKING_URI"] = before


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM as KeyboardInterrupt, so that it ends what is open as Ctrl-C does. Signals reach the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


@contextmanager
def tracked_run(
    task: str, name: str, tags: Mapping[str, str], *, run_id: str | None = None, nested: bool = False
) -> Iterator[Any]:
    """One MLflow run: FINISHED at the end, KILLED on Ctrl-C or SIGTERM, FAILED on any other error.

    `run_id` goes on with an earlier run; `nested` makes it a child of the current one.
    """
    import mlflow

    client = open_store()
    run = mlflow.start_run(
        run_id=run_id,
        experiment_id=experiment_id(client, task),
        run_name=None if run_id else name,
        tags={**tags, **_code_tags()},
        nested=nested,
    )
    status = "FAILED"
    try:
        with interruptible():
            yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        mlflow.end_run(status)


def log_config(flat: Mapping[str, Any], resolved: str) -> None:
    """The flattened config as parameters, the resolved one as the artifact config.yaml, how to use it in the note."""
    import mlflow

    first = [key for key in SHOWN_PARAMETERS if key in flat]
    mlflow.log_params({key: flat[key] for key in [*first, *(k for k in flat if k not in first)]})
    mlflow.log_text(resolved, "config.yaml")
    fetch = f"mlflow artifacts download --run-id {mlflow.active_run().info.run_id} --artifact-path config.yaml"
    add_note(f"Run it again:\n\n    {fetch} --dst-path .\n    research train --config config.yaml")


def add_note(markdown: str) -> None:
    """Put a paragraph on top of the description of the current run: the page folds what is below the first lines."""
    import mlflow

    before = mlflow.get_run(mlflow.active_run().info.run_id).data.tags.get(NOTE)
    mlflow.set_tag(NOTE, "\n\n".join(filter(None, (markdown, before))))


def append_note(client: Any, run_id: str, markdown: str) -> None:
    """Put a paragraph at the end of the description of any run, ended or not: once, and while there is room."""
    before = client.get_run(run_id).data.tags.get(NOTE, "")
    after = "\n\n".join(filter(None, (before, markdown)))
    if markdown not in before and len(after) <= LONGEST_NOTE:
        client.set_tag(run_id, NOTE, after)


def log_dataset(dataset: Dataset, splits: Iterable[str]) -> None:
    """Name, revision and size of each split used, as an MLflow dataset; the data themselves stay where they are."""
    import mlflow
    from mlflow.data.http_dataset_source import HTTPDatasetSource

    source = HTTPDatasetSource(url=dataset.card.homepage) if dataset.card.homepage else None
    for split in splits:
        rows = dataset.splits[split].select_columns(["article_id", "text"])
        entry = mlflow.data.from_huggingface(
            rows, source=source, name=f"{dataset.name}:{split}", digest=dataset.revision
        )
        mlflow.log_input(entry, context=split)


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
