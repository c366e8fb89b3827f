"""The cue lexicon's labelling rules as a model: nothing is learned, every decision can be explained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from research.config import Cues
from research.cues import label_primary, label_sentences
from research.models.protocol import ALONE, Fitting, Probabilities
from research.records import Example, ResearchError, Task


class CueRules:
    def __init__(self, config: Cues, task: Task, seed: int = 0) -> None:
        if task.name not in ("attribution", "primary"):
            raise ResearchError(f"model 'cues' has no rules for task '{task.name}'; it knows: attribution, primary")
        self.task = task

    def fit(self, examples: Sequence[Example], fitting: Fitting = ALONE) -> None:
        """There is nothing to learn."""

    def predict_proba(self, examples: Sequence[Example]) -> Probabilities:
        """1 where a rule gives the label and 0 elsewhere: rules know no doubt."""
        rows: list[list[bool]] = []
        for example in examples:
            if self.task.name == "primary":
                labels: list[tuple[str, ...]] = [(label_primary(example.article),)] * len(example.spans)
            else:
                by_span = dict(
                    zip((s.span for s in example.article.sentences), label_sentences(example.article), strict=True)
                )
                labels = [by_span[span] for span in example.spans]
            rows += [[label in given for label in self.task.labels] for given in labels]
        return np.array(rows, dtype=np.float64).reshape(-1, len(self.task.labels))

    def save(self, folder: Path) -> None:
        """The rules are the package's own; there is no state."""

    def load(self, folder: Path) -> None:
        """Nothing to read."""
