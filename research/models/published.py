"""A published system's answers as a model, so that it is scored, compared and ranked like any other one.

It knows the pairs of its file and nothing else. What it says is certain: probabilities are 0 and 1, equal ones where
it says nothing, so that only its labels mean something.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from research.config import Published as PublishedConfig
from research.datasets import published_rows
from research.models.protocol import ALONE, Fitting, Probabilities
from research.records import Example, Task

ANSWERS = "answers.json"


class Published:
    """`fit` reads the answers; the examples do not count."""

    def __init__(self, config: PublishedConfig, task: Task, seed: int = 0) -> None:
        self.config, self.task = config, task
        self._answers: dict[str, str] = {}

    def fit(self, examples: Sequence[Example], fitting: Fitting = ALONE) -> None:
        rows = published_rows(self.config.system)
        self._answers = {_key(row.article_id, row.claim_id): row.labels[0] for row in rows if row.labels}

    def predict_proba(self, examples: Sequence[Example]) -> Probabilities:
        column = {label: i for i, label in enumerate(self.task.labels)}
        found = np.full((len(examples), len(column)), 1 / len(column))
        for i, example in enumerate(examples):
            claim_id = example.claim.claim_id if example.claim else ""
            if label := self._answers.get(_key(example.article.article_id, claim_id)):
                found[i] = 0
                found[i, column[label]] = 1
        return found

    def save(self, folder: Path) -> None:
        (folder / ANSWERS).write_text(json.dumps(self._answers), encoding="utf-8")

    def load(self, folder: Path) -> None:
        self._answers = json.loads((folder / ANSWERS).read_text(encoding="utf-8"))


def _key(article_id: str, claim_id: str) -> str:
    return f"{article_id} {claim_id}"
