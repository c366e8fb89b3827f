"""The run-diff page: two runs compared down to the rows they decide differently, as an artifact of both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from research.config import dataset_config, run_config
from research.datasets import Dataset, load_dataset
from research.records import TASKS, Article, ResearchError
from research.scoring import Confusion, Judged, PairedTest, confusions, holm, join
from research.scoring import compare as paired_test
from research.scoring.rows import Bools
from research.summary.run_diff import ConfusionDiff, Difference, Flip, LabelDiff, RunDiff, SplitDiff, run_diff_page
from research.summary.runs import Comparison, RunSummary
from research.workflows.results import read_rows
from research.workflows.tracking import SPLITS, append_note, fetched, open_store
from research.workflows.train import judges_claims, without_leaks

FACTS = {
    "dataset": "dataset",
    "dataset revision": "dataset_revision",
    "evaluates": "evaluates",
    "code": "mlflow.source.git.commit",
}
LONGEST_TEXT = 600  # characters; a whole article, judged as one row, is cut there


def write_run_diff(found: Comparison, file: Path | None = None) -> list[str]:
    """Write the page to `file` and into both runs, with a line in their descriptions; returns where it is now.

    The page quotes the rows that differ, and no others, from the dataset: who may read the runs reads those.
    """
    client = open_store()
    page = run_diff_page(run_diff(client, found))
    written = []
    if file:
        try:
            file.write_text(page, encoding="utf-8")
        except OSError as e:
            raise ResearchError(f"--html {file}: {e.strerror}") from None
        written.append(str(file))
    others = {found.a.run_id: found.b, found.b.run_id: found.a}  # one, where a run is compared with itself
    for run_id, other in others.items():
        path = f"compare/{re.sub(r'[^A-Za-z0-9_.-]+', '_', other.name)}-{other.run_id[:8]}.html"
        try:
            client.log_text(run_id, page, path)
            experiment = client.get_run(run_id).info.experiment_id
            link = f"[{path}](#/experiments/{experiment}/runs/{run_id}/artifacts/{path})"
            append_note(client, run_id, f"Compared with {other.name}: {link}")
        except Exception as e:  # each store raises its own
            raise ResearchError(f"cannot log {path} to run {run_id}: {' '.join(str(e).split())}") from None
        written.append(f"{path} of run {run_id[:8]}")
    return written


def run_diff(client: Any, found: Comparison) -> RunDiff:
    """The numbers and rows of the page, from the logged gold and predictions of both runs."""
    runs = [client.get_run(run.run_id) for run in (found.a, found.b)]
    articles, no_texts = _articles(client, runs)
    splits, flips = [], []
    for split in SPLITS:
        if split not in found.tests:
            continue
        a, b = _judged(client, (found.a, found.b), split)
        splits.append(split_diff(split, a, b, found.tests[split]))
        flips += list(flipped(split, a, b, articles.get("train" if split == "cv" else split, {})))
    untested = [s for s in SPLITS if f"{s}/macro_f1" in found.metrics and s not in found.tests]
    a_tags, b_tags = (run.data.tags for run in runs)
    facts = {name: (a_tags.get(tag, ""), b_tags.get(tag, "")) for name, tag in FACTS.items()}
    labels = TASKS[found.a.task].labels
    return RunDiff(found, labels, facts, tuple(splits), tuple(untested), tuple(flips), no_texts)


def split_diff(split: str, a: Judged, b: Judged, macro: PairedTest) -> SplitDiff:
    """Every label's F1, precision and recall tested, p adjusted over the labels; and the confusions of both."""
    tested = {}
    for metric in ("f1", "precision", "recall"):
        tests = [paired_test(a, b, f"{label}/{metric}") for label in a.labels]
        adjusted = holm([test.p for test in tests])
        tested[metric] = [Difference(test, p) for test, p in zip(tests, adjusted, strict=True)]
    differ = a.predicted != b.predicted
    a_right, b_right = ((differ & (one.predicted == one.gold)).sum(axis=0) for one in (a, b))
    labels = tuple(
        LabelDiff(
            label,
            cases=int(a.gold[:, i].sum()),
            a_right=int(a_right[i]),
            b_right=int(b_right[i]),
            **{metric: found[i] for metric, found in tested.items()},
        )
        for i, label in enumerate(a.labels)
    )
    pairs = zip(confusions(a), confusions(b), strict=True)
    return SplitDiff(split, Difference(macro), labels, tuple(confusion_diff(*pair) for pair in pairs))


def confusion_diff(a: Confusion, b: Confusion) -> ConfusionDiff:
    """A - B in every cell; a column that only one of them has, for abstentions, holds 0 in the other."""
    predicted = tuple(dict.fromkeys((*a.predicted, *b.predicted)))

    def table(one: Confusion) -> Any:
        empty = np.zeros(len(one.gold), dtype=np.int64)
        columns = dict(zip(one.predicted, one.counts.T, strict=True))
        return np.column_stack([columns.get(name, empty) for name in predicted])

    left, right = table(a), table(b)
    tables = (tuple(tuple(row) for row in one.tolist()) for one in (left, right, left - right))
    return ConfusionDiff(a.name, a.gold, predicted, *tables)


def flipped(split: str, a: Judged, b: Judged, articles: Mapping[str, Article]) -> Iterator[Flip]:
    """The rows whose label sets differ, in the order of their articles; an abstention is not an empty set."""
    differ = (a.predicted != b.predicted).any(axis=1) | (a.abstained != b.abstained)
    a_right, b_right = ((one.predicted == one.gold).all(axis=1) & ~one.abstained for one in (a, b))
    first = np.unique(a.article, return_index=True)[1]  # the rows of an article lie side by side
    sizes = np.bincount(a.article)
    for i in np.flatnonzero(differ).tolist():
        _, article_id, claim_id, start, end = a.keys[i]
        article, at = articles.get(article_id), int(a.article[i])
        claims = {one.claim_id: one.claim for one in article.claims} if article else {}
        yield Flip(
            split=split,
            article_id=article_id,
            title=article.title if article else None,
            start=start,
            end=end,
            number=i - int(first[at]) + 1,
            of=int(sizes[at]),
            text=_cut(article.text[start:end]) if article else None,
            gold=_names(a.labels, a.gold[i]),
            a=None if a.abstained[i] else _names(a.labels, a.predicted[i]),
            b=None if b.abstained[i] else _names(b.labels, b.predicted[i]),
            a_p=_probabilities(a, i),
            b_p=_probabilities(b, i),
            right="A" if a_right[i] else "B" if b_right[i] else "neither",
            claim=f"claim: {claims.get(claim_id, claim_id)}" if claim_id else "",
            fields=a.fields[i],
        )


def _names(labels: Sequence[str], chosen: Bools) -> tuple[str, ...]:
    return tuple(label for label, one in zip(labels, chosen.tolist(), strict=True) if one)


def _probabilities(judged: Judged, i: int) -> tuple[float, ...]:
    found = judged.probabilities[i]
    return () if np.isnan(found).any() else tuple(np.round(found, 4).tolist())


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …"


def _judged(client: Any, runs: Iterable[RunSummary], split: str) -> list[Judged]:
    rows = [[read_rows(client, r.run_id, f"{part}/{split}.jsonl") for part in ("gold", "predictions")] for r in runs]
    return [join(gold, predicted) for gold, predicted in rows]


def _articles(client: Any, runs: Iterable[Any]) -> tuple[dict[str, dict[str, Article]], str | None]:
    """split -> article id -> article, from the dataset of either run at the revision that the run saw; else nothing,
    and why. Runs hold offsets, and offsets into another text would quote the wrong words."""
    problems = []
    for run in runs:
        try:
            dataset, seen = _dataset(client, run), run.data.tags.get("dataset_revision")
        except ResearchError as e:
            problems.append(" ".join(str(e).split()))
            continue
        if dataset.revision == seen:
            return {split: {one.article_id: one for one in dataset.articles(split)} for split in dataset.splits}, None
        problems.append(f"{dataset.name} is at revision {dataset.revision} now, the run saw {seen}")
    return {}, problems[0]


def _dataset(client: Any, run: Any) -> Dataset:
    """The dataset of a run, as it is now. A run of `evaluate` has no config and names it in a tag."""
    tags = run.data.tags
    if "suite" in tags:
        raise ResearchError(f"run {run.info.run_id} judged the cases of a suite, not a dataset")
    if "evaluates" in tags:
        return load_dataset(dataset_config(tags["dataset"]))
    with fetched(client, run.info.run_id, "config.yaml") as file:
        config = run_config(file=file)
    dataset = load_dataset(config.dataset)
    if config.train.drop_leaks and dataset.revision != tags.get("dataset_revision"):
        dataset = without_leaks(dataset, drop=True, claims=judges_claims(config))
    return dataset
