"""Runs as people compare them: a list, the scores of one, two side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from research.records import Score
from research.scoring import McNemar, PairedTest

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class RunSummary:
    """One run of a list; `metrics` are the main ones it has."""

    run_id: str
    name: str
    task: str
    status: str
    started: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Comparison:
    """Two runs: the parameters that differ, the metrics both have, and for every split both were scored on with the
    same gold a paired test and, label by label, McNemar's."""

    a: RunSummary
    b: RunSummary
    parameters: Mapping[str, tuple[str | None, str | None]]
    metrics: Mapping[str, tuple[float, float]]
    tests: Mapping[str, PairedTest]
    labels: Mapping[str, Sequence[McNemar]]


def scores_table(scores: Mapping[str, Sequence[Score]], floors: Mapping[str, float]) -> Table:
    """Macro-F1 and the F1 per label of every split, with interval, floor and n."""
    from rich.table import Table

    table = Table("split", "metric", "value", "95 % interval", "n", "articles", box=None)
    for split, found in scores.items():
        for one in found:
            if one.metric == "macro_f1" or one.metric.endswith("/f1"):
                interval = "" if one.low is None else f"{one.low:.3f} to {one.high:.3f}"
                table.add_row(split, one.metric, f"{one.value:.3f}", interval, str(one.n), str(one.articles))
        if split in floors:
            table.add_row(split, "macro_f1 floor", f"{floors[split]:.3f}", "", "", "", style="dim")
    return table


def runs_table(runs: Sequence[RunSummary]) -> Table:
    from rich.table import Table

    table = Table("run", "name", "task", "started", "status", "cv", "dev", "test", box=None)
    for run in runs:
        shown = [_with_interval(run.metrics, split) for split in ("cv", "dev", "test")]
        table.add_row(run.run_id[:8], run.name, run.task, run.started, run.status, *shown)
    return table


def comparison_tables(found: Comparison) -> Iterator[Table]:
    """What differs in the configs, the main metrics, the paired tests."""
    from rich.table import Table

    names = [f"{run.name} ({run.run_id[:8]})" for run in (found.a, found.b)]
    if found.parameters:
        table = Table("parameter", *names, box=None)
        for key, values in found.parameters.items():
            table.add_row(key, *("-" if value is None else value for value in values))
        yield table
    table = Table("metric", *names, "difference", box=None)
    for key, (left, right) in found.metrics.items():
        if key.endswith(("macro_f1", "/f1")) or key.startswith("cost/"):
            table.add_row(key, f"{left:.4g}", f"{right:.4g}", f"{left - right:+.4g}")
    yield table
    if found.tests:
        table = Table("split", "macro-F1 difference", "95 % interval", "p", "detectable", "articles", box=None)
        for split, test in found.tests.items():
            interval = "" if test.low is None else f"{test.low:+.3f} to {test.high:+.3f}"
            detectable = "" if test.detectable is None else f"{test.detectable:.3f}"
            table.add_row(split, f"{test.difference:+.3f}", interval, f"{test.p:.4f}", detectable, str(test.articles))
        yield table
        yield _labels_table(found.labels)


def _labels_table(labels: Mapping[str, Sequence[McNemar]]) -> Table:
    """Which rows only one of them gets right. The p takes rows for independent, which the caption says."""
    from rich.table import Table

    caption = "McNemar, exact; p for rows as if independent: to say that a run is better, read the table above"
    table = Table("split", "label", "right: only first", "only second", "p", "p (Holm)", box=None, caption=caption)
    for split, found in labels.items():
        for one in found:
            counts = (str(one.a_only), str(one.b_only))
            table.add_row(split, one.label, *counts, f"{one.p:.4f}", f"{one.p_holm:.4f}")
    return table


def _with_interval(metrics: Mapping[str, float], split: str) -> str:
    name = f"{split}/macro_f1"
    if name not in metrics:
        return ""
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    return f"{metrics[name]:.3f}" + (f" ({low:.3f}-{high:.3f})" if low is not None and high is not None else "")
