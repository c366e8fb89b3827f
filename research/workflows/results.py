"""Scores of one split into the current MLflow run: metrics, gold and prediction rows, figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from research.config import Scoring
from research.records import ResearchError, Row, Score
from research.scoring import confusions, floor, join, precision_recall, reliability, score
from research.summary.figures import confusion_figure, precision_recall_figure, reliability_figure
from research.workflows.tracking import log_scores


def log_split(split: str, gold: Sequence[Row], predicted: Sequence[Row], config: Scoring) -> tuple[list[Score], float]:
    """Score `predicted` against `gold` and log both, so that every number can be computed again from artifacts."""
    import mlflow

    judged = join(gold, predicted)
    scores = score(judged, draws=config.draws, confidence=config.confidence)
    least = floor(judged)
    log_scores(split, scores, least)
    mlflow.log_text(to_jsonl(gold), f"gold/{split}.jsonl")
    mlflow.log_text(to_jsonl(predicted), f"predictions/{split}.jsonl")
    figures = {
        "confusion": confusion_figure(confusions(judged), title=split),
        "precision_recall": precision_recall_figure(precision_recall(judged), title=split),
        "reliability": reliability_figure(reliability(judged), title=split),
    }
    for name, figure in figures.items():
        mlflow.log_figure(figure, f"figures/{split}/{name}.png", save_kwargs={"bbox_inches": "tight", "dpi": 120})
    return scores, least


def to_jsonl(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row.to_json(), ensure_ascii=False) + "\n" for row in rows)


def read_rows(client: Any, run_id: str, path: str) -> list[Row]:
    """The rows of a run's artifact such as predictions/test.jsonl."""
    try:
        local = Path(client.download_artifacts(run_id, path))
    except Exception as e:  # each artifact store raises its own
        raise ResearchError(f"run {run_id} has no artifact {path}: {e}") from None
    with local.open(encoding="utf-8") as lines:
        return [Row.from_json(json.loads(line)) for line in lines]
