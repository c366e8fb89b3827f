"""The floor: how often each label occurs in training, whatever the text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from research.config import Majority as MajorityConfig
from research.models.protocol import ALONE, Fitting, Probabilities, gold_matrix
from research.records import Example, Task


class Majority:
    def __init__(self, config: MajorityConfig, task: Task, seed: int = 0) -> None:
        self.task = task
        self.shares: list[float] = []

    def fit(self, examples: Sequence[Example], fitting: Fitting = ALONE) -> None:
        self.shares = gold_matrix(examples, self.task).mean(axis=0).tolist()

    def predict_proba(self, examples: Sequence[Example]) -> Probabilities:
        spans = sum(len(example.spans) for example in examples)
        return np.tile(np.array(self.shares, dtype=np.float64), (spans, 1))

    def save(self, folder: Path) -> None:
        (folder / "shares.json").write_text(json.dumps(self.shares), encoding="utf-8")

    def load(self, folder: Path) -> None:
        self.shares = json.loads((folder / "shares.json").read_text(encoding="utf-8"))
