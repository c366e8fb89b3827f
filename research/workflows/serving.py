"""A logged checkpoint as an MLflow pyfunc: what `mlflow.pyfunc.load_model` and `mlflow models serve` call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research.articles import segment
from research.models.checkpoint import Checkpoint
from research.records import Article, Claim, examples_for

if TYPE_CHECKING:
    import pandas as pd


class ServedCheckpoint:
    """`predict` takes a table with a column `text`, an article or a sentence in each row, and for stance a column
    `claim`; it gives a row per judged span: the input row, start, end, text, the labels joined by commas, and each
    label's probability."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        import pandas as pd

        task = self._checkpoint.task
        articles = [segment(Article(str(i), text)) for i, text in enumerate(table["text"])]
        if task.pair:
            pairs = zip(articles, table["claim"], strict=True)
            articles = [replace(article, claims=(Claim("claim", claim),)) for article, claim in pairs]
        out = [
            {
                "row": int(row.article_id),
                "start": row.start,
                "end": row.end,
                "text": articles[int(row.article_id)].text[row.start : row.end],
                "labels": ",".join(row.labels or ()),
                **row.probabilities,
            }
            for row in self._checkpoint.predict(list(examples_for(task, articles)))
        ]
        columns = ["row", "start", "end", "text", "labels", *task.labels]
        return pd.DataFrame(out, columns=columns)


def _load_pyfunc(data_path: str) -> ServedCheckpoint:
    """The name that MLflow looks for in a loader module."""
    return ServedCheckpoint(Checkpoint.load(Path(data_path)))
