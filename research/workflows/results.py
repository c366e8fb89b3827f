"""Scores of one split into the current MLflow run: metrics, gold and prediction rows, figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from research.config import Scoring
from research.records import Row, Score
from research.scoring import confusions, floor, join, precision_recall, reliability, risk_curve, score
from research.summary.figures import (
    confusion_figure,
    precision_recall_figure,
    reliability_figure,
    risk_coverage_figure,
)
from research.workflows.score import read_rows_file
from research.workflows.tracking import add_note, fetched


def log_split(split: str, gold: Sequence[Row], predicted: Sequence[Row], config: Scoring) -> tuple[list[Score], float]:
    """Score `predicted` against `gold` and log both, so that every number can be computed again from artifacts."""
    import mlflow

    judged = join(gold, predicted)
    scores = score(judged, draws=config.draws, confidence=config.confidence)
    least = floor(judged)
    log_scores(split, scores, least)
    add_note(headline(split, scores, least))
    mlflow.log_text(to_jsonl(gold), f"gold/{split}.jsonl")
    mlflow.log_text(to_jsonl(predicted), f"predictions/{split}.jsonl")
    figures = {
        "confusion": confusion_figure(confusions(judged), title=split),
        "precision_recall": precision_recall_figure(precision_recall(judged), title=split),
        "reliability": reliability_figure(reliability(judged), title=split),
        "risk_coverage": risk_coverage_figure(risk_curve(judged), title=split),
    }
    for name, figure in figures.items():
        mlflow.log_figure(figure, f"figures/{split}/{name}.png", save_kwargs={"bbox_inches": "tight", "dpi": 120})
    return scores, least


def log_scores(split: str, scores: Sequence[Score], least: float) -> None:
    """Metrics `<split>/<metric>`, with `_low` and `_high` for the headline numbers: each metric is a chart, and the
    page holds only so many. The table scores/<split>.json has every interval."""
    import mlflow

    metrics: dict[str, float] = {}
    for one in scores:
        metrics[f"{split}/{one.metric}"] = one.value
        if is_headline(one) and one.low is not None and one.high is not None:
            metrics |= {f"{split}/{one.metric}_low": one.low, f"{split}/{one.metric}_high": one.high}
        if one.metric == "macro_f1":
            metrics[f"{split}/macro_f1_floor"] = least
            metrics |= {f"{split}/rows": one.n, f"{split}/articles": one.articles}
    mlflow.log_metrics({name: value for name, value in metrics.items() if value == value})
    columns = {f.name: [getattr(one, f.name) for one in scores] for f in fields(Score)}
    mlflow.log_table(columns, f"scores/{split}.json")


def is_headline(one: Score) -> bool:
    return one.metric == "macro_f1" or one.metric.endswith("/f1")


def headline(split: str, scores: Sequence[Score], least: float) -> str:
    """The headline numbers of one split in a line of Markdown."""
    (macro,) = (one for one in scores if one.metric == "macro_f1")
    f1s = [f"{one.metric} {_with_interval(one)}" for one in scores if is_headline(one) and one is not macro]
    first = f"**{split}**: macro_f1 {_with_interval(macro)}, floor {least:.3f}"
    return f"{first}; {', '.join(f1s)}; {macro.n} rows of {macro.articles} articles"


def _with_interval(one: Score) -> str:
    return f"{one.value:.3f}" + ("" if one.low is None else f" ({one.low:.3f} to {one.high:.3f})")


def to_jsonl(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row.to_json(), ensure_ascii=False) + "\n" for row in rows)


def read_rows(client: Any, run_id: str, path: str) -> list[Row]:
    """The rows of a run's artifact such as predictions/test.jsonl."""
    with fetched(client, run_id, path) as local:
        return read_rows_file(local)
