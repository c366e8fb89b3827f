"""What the store holds: runs listed, and two of them side by side with a paired test."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from research.models import MODELS
from research.records import TASKS, ResearchError
from research.scoring import Judged, join, mcnemar
from research.scoring import compare as paired_test
from research.summary.runs import Comparison, RunSummary
from research.workflows.registry import find_run, load_bundled
from research.workflows.results import read_rows
from research.workflows.tracking import open_store

SPLITS = ("cv", "dev", "test")
ON_ITS_OWN = "tags.`mlflow.parentRunId` IS NULL"
OF_AN_EXPERIMENT = "tags.`mlflow.parentRunId` IS NOT NULL and tags.experiment IS NOT NULL"


def list_runs(task: str | None = None, limit: int = 20) -> list[RunSummary]:
    """The newest runs, of one task or of all. Parts of another run, such as the trials of a study, are left out: that
    run shows what they came to. The runs of an experiment are nested, too, but each stands for itself."""
    if task is not None and task not in TASKS:
        raise ResearchError(f"unknown task '{task}'; known: {', '.join(TASKS)}")
    client = open_store()
    tasks = {e.experiment_id: e.name for e in client.search_experiments() if e.name in ([task] if task else TASKS)}
    if not tasks:
        return []
    newest = {"max_results": limit, "order_by": ["attributes.start_time DESC"]}
    found = [
        run for which in (ON_ITS_OWN, OF_AN_EXPERIMENT) for run in client.search_runs(list(tasks), which, **newest)
    ]
    found.sort(key=lambda run: run.info.start_time, reverse=True)  # MLflow's filters know no `or`
    return [_summary(run, tasks[run.info.experiment_id]) for run in found[:limit]]


def list_models() -> list[dict[str, Any]]:
    """The kinds that can be trained, the bundled models, then the registered ones with their versions and aliases."""
    found: list[dict[str, Any]] = [{"name": kind, "what": "kind"} for kind in MODELS]
    for _, origin in load_bundled().values():
        found.append({"name": origin["name"], "what": "bundled", "version": origin["version"]})
    for model in open_store().search_registered_models():
        for alias, version in sorted(model.aliases.items()):
            found.append({"name": f"{model.name}@{alias}", "what": "registered", "version": str(version)})
    return found


def compare_runs(a: str, b: str) -> Comparison:
    """Runs by id or name. ResearchError when one is not there or they are of different tasks."""
    client = open_store()
    left, right = _find_pair(client, a, b)
    tasks = [client.get_experiment(run.info.experiment_id).name for run in (left, right)]
    if tasks[0] != tasks[1]:
        raise ResearchError(f"{a} is a run of task '{tasks[0]}', {b} of '{tasks[1]}'; only runs of one task compare")
    parameters = {
        key: (left.data.params.get(key), right.data.params.get(key))
        for key in sorted({*left.data.params, *right.data.params})
        if left.data.params.get(key) != right.data.params.get(key)
    }
    both = sorted(left.data.metrics.keys() & right.data.metrics.keys())
    metrics = {key: (left.data.metrics[key], right.data.metrics[key]) for key in both}
    tests, labels = {}, {}
    for split in SPLITS:
        if f"{split}/macro_f1" in metrics and (pair := _judged(client, left, right, split)):
            tests[split], labels[split] = paired_test(*pair), mcnemar(*pair)
    return Comparison(_summary(left, tasks[0]), _summary(right, tasks[1]), parameters, metrics, tests, labels)


def _find_pair(client: Any, a: str, b: str) -> tuple[Any, Any]:
    """The two runs; a name that several tasks have is taken in the task of the other run."""
    left, right = find_run(client, a), find_run(client, b)
    if left.info.experiment_id == right.info.experiment_id:
        return left, right
    with suppress(ResearchError):
        return left, find_run(client, b, left.info.experiment_id)
    with suppress(ResearchError):
        return find_run(client, a, right.info.experiment_id), right
    return left, right


def _judged(client: Any, left: Any, right: Any, split: str) -> tuple[Judged, Judged] | None:
    """None where the two runs were scored on different gold, which is no error: their metrics still stand."""
    gold = [read_rows(client, run.info.run_id, f"gold/{split}.jsonl") for run in (left, right)]
    if {(r.key, r.labels) for r in gold[0]} != {(r.key, r.labels) for r in gold[1]}:
        return None
    rows = [read_rows(client, run.info.run_id, f"predictions/{split}.jsonl") for run in (left, right)]
    return join(gold[0], rows[0]), join(gold[0], rows[1])


def _summary(run: Any, task: str) -> RunSummary:
    started = datetime.fromtimestamp(run.info.start_time / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    metrics = {
        k: v
        for k, v in sorted(run.data.metrics.items())
        if k.endswith(("/macro_f1", "/macro_f1_low", "/macro_f1_high"))
    }
    return RunSummary(run.info.run_id, run.info.run_name, task, run.info.status, started, metrics)
