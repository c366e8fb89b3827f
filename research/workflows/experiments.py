"""A question over runs: models x datasets x seeds, each a run of its own below one parent per task, then the answer.

What is FINISHED in the store is never done again, and nothing else counts as done: after Ctrl-C or a kill at any moment
the same call goes on with the next run. The answer is computed from the rows in the store alone, and holds no time and
no id, so that it is the same to the byte however often the experiment was stopped.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from research.config import MODEL_SCHEMAS, Experiment, RunConfig, dataset_config, named_section, read_yaml, validate
from research.datasets import Dataset, load_dataset
from research.datasets.store import cache_folder
from research.records import TASKS, ResearchError, Task
from research.summary.leaderboard import Board, board_markdown, leaderboard_figure
from research.workflows.evaluate import evaluate
from research.workflows.folds import Progress
from research.workflows.leaderboard import Entry, gold_digest, rank, read_judged
from research.workflows.runs import SPLITS
from research.workflows.tracking import NOTE, open_store, store_uri, tracked_run
from research.workflows.train import annotated, config_digest, text_digest, train, without_leaks

NAME = re.compile(r"\d{3}-[\w-]+")
DEFINITION, RESULTS, TABLE, FIGURE = "experiment.yaml", "results.json", "table.md", "leaderboard.png"
Targets = Mapping[str, tuple[Dataset, str]]  # DATASET:SPLIT -> what it names


@dataclass(frozen=True)
class Job:
    """One run: a training, or with `target` (DATASET:SPLIT) its model scored there. `revision` is that of the data
    trained on or, with a target, scored on."""

    model: str
    config: RunConfig
    dataset: str
    revision: str
    target: str = ""

    @property
    def name(self) -> str:
        trained = f"{self.model}-{self.dataset}-s{self.config.train.seed}"
        return f"{trained}-on-{self.target.replace(':', '-')}" if self.target else trained


@dataclass(frozen=True)
class Plan:
    """An experiment with every run it comes to, in order: a training stands before its evaluations."""

    name: str
    folder: Path
    experiment: Experiment
    jobs: Sequence[Job]


def read_plan(path: Path) -> Plan:
    """The experiment of a folder (or of the experiment.yaml in it). ResearchError tells everything that is wrong with
    it before anything is trained."""
    file = path if path.name == DEFINITION else path / DEFINITION
    folder = file.parent.resolve()
    if not NAME.fullmatch(folder.name):
        raise ResearchError(f"{folder}: expected a folder named NNN-question, such as 003-linear-ablations")
    experiment = validate(Experiment, read_yaml(file), str(file))
    for key in ("tasks", "seeds", "evaluate"):
        if twice := [value for value, n in Counter(getattr(experiment, key)).items() if n > 1]:
            raise ResearchError(f"{file}: {key}: {twice[0]} stands twice")
    data = _read_data(file, experiment)
    names = [dataset.name for _, dataset in data]
    lines = [*experiment.models, *(f"{model}-{name}" for model in experiment.models for name in names)]
    if experiment.reference is not None and experiment.reference not in lines:
        raise ResearchError(f"{file}: reference: unknown '{experiment.reference}'; known: {', '.join(lines)}")
    targets = {target: _target(file, target) for target in experiment.evaluate}
    jobs, problems = [], []
    sections = {}
    for model, given in experiment.models.items():
        try:
            sections[model] = model_section(model, given)
        except ResearchError as e:
            problems.append(f"{file}: models.{model}: {e}")
    for task, seed, (config, dataset), (model, section) in product(
        experiment.tasks, experiment.seeds, data, sections.items()
    ):
        settings = {"seed": seed, "folds": experiment.folds, "drop_leaks": experiment.drop_leaks}
        settings = {key: value for key, value in settings.items() if value is not None}  # the kind has its own folds
        values = {"task": task, "model": section, "dataset": config.model_dump(), "train": settings}
        try:
            run = validate(RunConfig, values, f"{file}: models.{model}")
        except ResearchError as e:
            problems.append(str(e))
            continue
        if not run.train.folds and not targets and dataset.splits.keys() <= {"train"}:
            problems.append(f"{file}: models.{model}: without folds there is nothing in {dataset.name} to score it on")
        jobs.append(Job(model, run, dataset.name, dataset.revision))
        jobs += [
            Job(model, run, dataset.name, scored.revision, target)
            for target, (scored, _) in _others(targets, dataset).items()
        ]
    if not problems:
        for task, (_, dataset) in product(experiment.tasks, data):
            problems += [f"{file}: {line}" for line in _unfit(TASKS[task], dataset, _others(targets, dataset))]
    if problems:
        raise ResearchError("\n".join(dict.fromkeys(problems)))
    return Plan(folder.name, folder, experiment, jobs)


def model_section(name: str, given: Any) -> dict[str, Any]:
    """The keys of a model of an experiment. `given`: the name of a recipe or kind; nothing, and the line's own name is
    that; or keys, whose `kind` may be a recipe too, which they then overrule."""
    if given is None or isinstance(given, str):
        return named_section("models", "model", given or name, MODEL_SCHEMAS)
    if not isinstance(given, Mapping):
        raise ResearchError(f"expected the name of a recipe, or keys (found {given!r})")
    kind = given.get("kind")
    if not isinstance(kind, str) or kind in MODEL_SCHEMAS:
        return dict(given)
    return _merged(named_section("models", "model", kind, MODEL_SCHEMAS), {k: given[k] for k in given if k != "kind"})


def run_experiment(
    plan: Plan,
    *,
    anew: bool = False,
    progress: Progress = lambda *_: None,
    step: Progress = lambda *_: None,
) -> list[Board]:
    """Do the runs that are not done (all of them with `anew`), then write results.json, table.md and leaderboard.png
    into the experiment's folder and its parent runs.

    progress(name, k, n): run k of the n to do begins, and at the end ("", n, n); step: what goes on inside a run.
    """
    client = open_store()
    with _alone(plan):
        done = {} if anew else finished(client, plan)
        todo = [job for job in plan.jobs if job not in done]
        parents = []
        for task in plan.experiment.tasks:
            tags = {"experiment": plan.name, "experiment_parent": "true", NOTE: plan.experiment.question}
            earlier = _take_up(client, plan, task)
            with tracked_run(task, plan.name, tags, run_id=earlier) as parent:
                parents.append(parent.info.run_id)
                for job in todo:
                    if job.config.task == task:
                        progress(job.name, len(done) - len(plan.jobs) + len(todo), len(todo))
                        done[job] = _do(job, plan, done, step)
        progress("", len(todo), len(todo))
        boards = answer(client, plan, done)
        _write(client, plan, boards, parents)
    return boards


def finished(client: Any, plan: Plan) -> dict[Job, str]:
    """The jobs of `plan` that the store holds FINISHED, with their run ids (the newest where there are several)."""
    held: dict[tuple[str, ...], str] = {}
    for task in plan.experiment.tasks:
        for run in _runs(client, plan, task):  # newest first
            if run.info.status == "FINISHED":
                tags, split = run.data.tags, run.data.params.get("split", "")
                made_from = tags.get("evaluates", tags.get("config_digest", ""))
                key = (task, run.info.run_name, tags.get("dataset_revision", ""), made_from, split)
                held.setdefault(key, run.info.run_id)
    done: dict[Job, str] = {}
    for job in plan.jobs:
        made_from, split = config_digest(job.config), ""
        if job.target:
            made_from, split = done.get(_training(job, plan), ""), job.target.rpartition(":")[2]
        if run_id := held.get((job.config.task, job.name, job.revision, made_from, split)):
            done[job] = run_id
    return done


def answer(client: Any, plan: Plan, done: Mapping[Job, str]) -> list[Board]:
    """A board for every gold the runs were scored on; the seeds of a model are one line."""
    groups: dict[tuple[str, str, str, str], dict[tuple[str, str], list[tuple[int, str, Any]]]] = {}
    for job in plan.jobs:
        run_id = done[job]
        split = job.target.rpartition(":")[2]
        data = client.get_run(run_id).data
        for one in [split] if split else [s for s in SPLITS if f"{s}/macro_f1" in data.metrics]:
            judged = read_judged(client, run_id, one)
            lines = groups.setdefault((job.config.task, data.tags["dataset"], one, gold_digest(judged)), {})
            lines.setdefault((job.model, job.dataset), []).append((job.config.train.seed, run_id, judged))
    boards = []
    for (_, dataset, split, _), lines in groups.items():
        entries = []
        for (model, trained_on), runs in lines.items():
            seeds, ids, each = zip(*sorted(runs, key=lambda run: run[0]), strict=True)
            entries.append(Entry(model, trained_on, seeds, ids, each))
        boards.append(rank(entries, dataset, split, _references(entries, plan.experiment.reference)))
    order = {task: i for i, task in enumerate(plan.experiment.tasks)}
    return sorted(boards, key=lambda b: (order[b.task], b.dataset, (*SPLITS, "train").index(b.split), b.gold))


def to_results(plan: Plan, boards: Sequence[Board]) -> dict[str, Any]:
    """results.json: what was found, nothing of when and in which runs; numbers rounded to six digits."""
    revisions = {job.dataset: job.revision for job in plan.jobs if not job.target}
    tables = []
    for board in boards:
        lines = []
        for line in board.lines:
            test = line.test
            lines.append(
                {
                    "model": line.name,
                    "trained_on": line.trained_on,
                    "seeds": line.seeds,
                    "scores": {n: {"value": s.value, "low": s.low, "high": s.high} for n, s in line.scores.items()},
                    "seed_spread": line.spread,
                    "against": test
                    and {
                        "model": line.against,
                        "difference": test.difference,
                        "low": test.low,
                        "high": test.high,
                        "p": test.p,
                        "p_holm": line.p_holm,
                        "detectable": test.detectable,
                    },
                }
            )
        head = {key: getattr(board, key) for key in ("task", "dataset", "split", "gold", "rows", "articles", "floor")}
        tables.append({**head, "lines": lines})
    found = {
        "question": plan.experiment.question,
        "reference": plan.experiment.reference,
        "dataset_revisions": revisions,
        "tables": tables,
    }
    rounded: dict[str, Any] = _rounded(found)
    return rounded


def _do(job: Job, plan: Plan, done: Mapping[Job, str], step: Progress) -> str:
    """Make one run; its id."""
    common: dict[str, Any] = {"experiment": plan.name, "nested": True}
    with _naming(job.name):
        if job.target:
            step("predict", 0, 1)
            return evaluate(done[_training(job, plan)], job.target, name=job.name, **common).run_id
        return train(job.config, model_name=job.model, progress=step, **common).run_id


def _training(job: Job, plan: Plan) -> Job:
    """The training whose model an evaluation scores."""
    return next(one for one in plan.jobs if not one.target and (one.model, one.config) == (job.model, job.config))


def _references(entries: Sequence[Entry], wanted: str | None) -> dict[Entry, Entry]:
    """What each line is compared with: the one line that `wanted` names, or the model of that name that was trained on
    the same data; no line with itself."""
    found = {}
    for entry in entries:
        for other in entries:
            named = wanted in (f"{other.name}-{other.trained_on}", other.name)
            same_data = wanted != other.name or other.trained_on == entry.trained_on
            if named and same_data and other is not entry:
                found[entry] = other
    return found


def _read_data(file: Path, experiment: Experiment) -> list[tuple[Any, Dataset]]:
    """The config of every dataset, and what it names."""
    data = []
    for name in experiment.datasets:
        with _naming(f"{file}: datasets: {name}"):
            config = dataset_config(name)
            claims = "stance" in experiment.tasks
            data.append((config, without_leaks(load_dataset(config), drop=experiment.drop_leaks, claims=claims)))
    names = [dataset.name for _, dataset in data]
    if len(set(names)) < len(names):
        raise ResearchError(f"{file}: datasets: two are named alike: {', '.join(names)}")
    return data


def _target(file: Path, target: str) -> tuple[Dataset, str]:
    name, colon, split = target.rpartition(":")
    if not colon:
        raise ResearchError(f"{file}: evaluate: expected DATASET:SPLIT, such as shipped:dev (found '{target}')")
    with _naming(f"{file}: evaluate: {target}"):
        dataset = load_dataset(dataset_config(name))
    if split not in dataset.splits:
        raise ResearchError(f"{file}: evaluate: {name} has no split '{split}'; known: {', '.join(dataset.splits)}")
    return dataset, split


def _others(targets: Targets, dataset: Dataset) -> Targets:
    """The targets that a training on `dataset` does not score anyway."""
    return {t: (of, split) for t, (of, split) in targets.items() if of.name != dataset.name or split == "train"}


def _unfit(task: Task, trained: Dataset, targets: Targets) -> Iterator[str]:
    """What would stop a run of `task` on this data: no gold, or targets with articles that the model has seen."""
    examples = annotated(task, trained.articles("train"))
    if not examples:
        yield f"datasets: {trained.name}: no article of train is annotated for task '{task.name}'"
    seen = {text_digest(example.article) for example in examples}
    for target, (scored, split) in targets.items():
        articles = scored.articles(split)
        if both := sum(text_digest(article) in seen for article in articles):
            yield f"evaluate: {target}: {both} of its {len(articles)} articles stand in {trained.name}:train"
        elif not annotated(task, articles):
            yield f"evaluate: {target}: no article is annotated for task '{task.name}'"


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Put `what` in front of a ResearchError."""
    try:
        yield
    except ResearchError as e:
        raise ResearchError(f"{what}: {e}") from None


def _runs(client: Any, plan: Plan, task: str) -> list[Any]:
    """All runs of the experiment in a task, the newest first."""
    where = client.get_experiment_by_name(task)
    if not where:
        return []
    tagged, newest_first = f"tags.experiment = '{plan.name}'", ["start_time DESC"]
    return list(client.search_runs([where.experiment_id], tagged, max_results=10_000, order_by=newest_first))


def _take_up(client: Any, plan: Plan, task: str) -> str | None:
    """The parent run of an earlier call, if there was one. What a kill left RUNNING below it is marked KILLED."""
    earlier = None
    for run in _runs(client, plan, task):
        if "experiment_parent" in run.data.tags:
            earlier = run.info.run_id
        elif run.info.status == "RUNNING" and "mlflow.parentRunId" in run.data.tags:
            client.set_terminated(run.info.run_id, "KILLED")
    return earlier


@contextmanager
def _alone(plan: Plan) -> Iterator[None]:
    """Two calls at once would do every run twice, and each take the other's for left behind. The system gives the lock
    back however a process ends."""
    key = hashlib.sha256(f"{plan.name} {store_uri()}".encode()).hexdigest()[:16]
    file = cache_folder() / "locks" / f"{key}.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(file, timeout=0):
            yield
    except Timeout:
        raise ResearchError(f"{plan.name} is already running in another process") from None


def _write(client: Any, plan: Plan, boards: Sequence[Board], parents: Sequence[str]) -> None:
    """Each file whole or not at all; results.json last, so that it stands for all."""
    figure = io.BytesIO()
    leaderboard_figure(boards).savefig(figure, format="png")
    table = board_markdown(boards, plan.experiment.question)
    results = json.dumps(to_results(plan, boards), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    for name, content in ((FIGURE, figure.getvalue()), (TABLE, table.encode()), (RESULTS, results.encode())):
        part = plan.folder / f".{name}.part"
        try:
            part.write_bytes(content)
            part.replace(plan.folder / name)
        except OSError as e:
            raise ResearchError(
                f"{plan.folder / name}: {e.strerror}; the runs are done, only this is missing"
            ) from None
    for run_id, name in product(parents, (DEFINITION, FIGURE, TABLE, RESULTS)):
        client.log_artifact(run_id, str(plan.folder / name))


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) + 0.0  # + 0.0: no negative zero
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, (list, tuple)) else value
