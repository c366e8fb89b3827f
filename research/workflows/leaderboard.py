"""Runs of the store that were scored on the same gold, ranked and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from research.records import TASKS, ResearchError
from research.scoring import Judged, compare, floor, holm, join, score_seeds
from research.summary.leaderboard import BESIDES, Board, Line
from research.workflows.results import read_rows
from research.workflows.tracking import SPLITS, open_store


@dataclass(frozen=True, eq=False)
class Entry:
    """A system with what it predicted: one Judged for each seed, all on the same gold."""

    name: str
    trained_on: str
    seeds: tuple[int, ...]
    run_ids: tuple[str, ...]
    judged: Sequence[Judged]


def leaderboard(task: str, split: str = "dev", dataset: str | None = None, limit: int = 20) -> list[Board]:
    """A board for every gold that finished runs of `task` were scored on, each run compared with the best of its
    board. A board holds the newest of runs of one name that predict the same, and at most `limit` lines."""
    if task not in TASKS:
        raise ResearchError(f"unknown task '{task}'; known: {', '.join(TASKS)}")
    if split not in SPLITS:
        raise ResearchError(f"unknown split '{split}'; known: {', '.join(SPLITS)}")
    client = open_store()
    groups: dict[tuple[str, str], list[Entry]] = {}
    for run in _scored_runs(client, task, split):
        tags = run.data.tags
        if dataset is None or tags.get("dataset") == dataset:
            judged = read_judged(client, run.info.run_id, split)
            seeds = (int(run.data.params["train.seed"]),) if "train.seed" in run.data.params else ()
            trained_on = tags.get("trained_on", tags.get("dataset", ""))
            entry = Entry(run.info.run_name, trained_on, seeds, (run.info.run_id,), [judged])
            same_gold = groups.setdefault((tags.get("dataset", ""), gold_digest(judged)), [])
            if not any(_repeats(entry, other) for other in same_gold):
                same_gold.append(entry)
    if not groups:
        where = f" on dataset '{dataset}'" if dataset else ""
        raise ResearchError(f"no finished run of task '{task}' has {split} scores{where}; see `research runs`")
    boards = []
    for (name, _), entries in sorted(groups.items()):
        best = sorted(entries, key=lambda e: (-_macro_f1(e.judged), e.name, e.run_ids))[:limit]
        boards.append(rank(best, name, split, dict.fromkeys(best[1:], best[0])))
    return boards


def rank(entries: Sequence[Entry], dataset: str, split: str, references: Mapping[Entry, Entry]) -> Board:
    """`entries`, all judged on the same gold, best first; each tested against its entry in `references`, if it has
    one. Holm's correction is over the tests of the board."""
    tests = {entry: compare(entry.judged, other.judged) for entry, other in references.items()}
    adjusted = dict(zip(tests, holm([test.p for test in tests.values()]), strict=True))
    several = len(set(references.values())) > 1
    lines = []
    for entry in entries:
        scores = {one.metric: one for one in score_seeds(entry.judged)}
        shown = ("macro_f1", *BESIDES.get(entry.judged[0].task.name, {}))
        kept = {name: one for name, one in scores.items() if name in shown or name.endswith("/f1")}
        each = [_macro_f1([judged]) for judged in entry.judged]
        spread = (min(each), max(each)) if len(each) > 1 else None
        other = references.get(entry)
        against = None if other is None else f"{other.name}, {other.trained_on}" if several else other.name
        common = (entry.name, entry.trained_on, entry.seeds, entry.run_ids)
        lines.append(Line(*common, kept, spread, against, tests.get(entry), adjusted.get(entry)))
    lines.sort(key=lambda line: (-line.scores["macro_f1"].value, line.name, line.trained_on))
    judged = entries[0].judged[0]
    gold = gold_digest(judged)
    return Board(judged.task.name, dataset, split, gold, len(judged), judged.articles, floor(judged), lines)


def read_judged(client: Any, run_id: str, split: str) -> Judged:
    """The gold and prediction rows of a run's split, joined."""
    gold, predicted = (read_rows(client, run_id, f"{kind}/{split}.jsonl") for kind in ("gold", "predictions"))
    return join(gold, predicted)


def gold_digest(judged: Judged) -> str:
    """12 hex digits that name the gold rows: keys and labels, whatever their order in the file."""
    return hashlib.sha256(repr((judged.keys, judged.gold.tolist())).encode()).hexdigest()[:12]


def _scored_runs(client: Any, task: str, split: str) -> list[Any]:
    """The finished runs of a task that were scored on a split, the newest first. Of a study that is its own run, which
    holds the rows of the best: the trials would crowd the board, and each be one more comparison."""
    found = client.get_experiment_by_name(task)
    if not found:
        return []
    runs = client.search_runs(
        [found.experiment_id], "attributes.status = 'FINISHED'", max_results=10_000, order_by=["start_time DESC"]
    )
    return [run for run in runs if f"{split}/macro_f1" in run.data.metrics and not _is_trial(run.data.tags)]


def _is_trial(tags: Mapping[str, str]) -> bool:
    return "study" in tags and "mlflow.parentRunId" in tags


def _repeats(a: Entry, b: Entry) -> bool:
    left, right = a.judged[0], b.judged[0]
    same = (left.predicted == right.predicted).all() and (left.abstained == right.abstained).all()
    return a.name == b.name and bool(same)


def _macro_f1(judged: Sequence[Judged]) -> float:
    return next(one.value for one in score_seeds(judged, draws=0) if one.metric == "macro_f1")
