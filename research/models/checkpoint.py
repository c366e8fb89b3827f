"""A trained classifier on disk: a folder of JSON and safetensors, nothing that can run code when it is loaded.

checkpoint.json   format, task, labels, model config, thresholds, what it was trained on   (written last)
...               what the model itself saves
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from research.config import MODEL_SCHEMAS, Section, validate
from research.models import create
from research.models.decision import decide, names
from research.models.protocol import Model, Probabilities
from research.records import TASKS, Example, ResearchError, Row, Task

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """A fitted model with its decision thresholds and where it comes from. `trained_on` holds the dataset name and
    revision, and the sha256 of every training text, so that nobody scores it on articles it has seen."""

    model: Model
    config: Section
    task: Task
    thresholds: tuple[float, ...]
    trained_on: dict[str, Any] = field(default_factory=dict)

    def predict(self, examples: Sequence[Example]) -> list[Row]:
        """One row per span, in order."""
        return self.rows(examples, self.model.predict_proba(examples))

    def rows(self, examples: Sequence[Example], probabilities: Probabilities) -> list[Row]:
        """Rows from probabilities already computed, shape (spans, labels)."""
        return prediction_rows(self.task, examples, probabilities, decide(probabilities, self.thresholds, self.task))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder)
        head = {
            "format": FORMAT,
            "task": self.task.name,
            "labels": self.task.labels,
            "model": self.config.model_dump(mode="json"),
            "thresholds": self.thresholds,
            "trained_on": self.trained_on,
        }
        (folder / "checkpoint.json").write_text(json.dumps(head, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Checkpoint:
        head_file = folder / "checkpoint.json"
        try:
            head = json.loads(head_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ResearchError(f"{folder}: not a model folder (checkpoint.json is missing)") from None
        except ValueError as e:
            raise ResearchError(f"{head_file}: not JSON: {e}") from None
        if head.get("format") != FORMAT:
            raise ResearchError(f"{head_file}: format {head.get('format')!r}; this version reads {FORMAT}")
        task = TASKS[head["task"]]
        if tuple(head["labels"]) != task.labels:
            raise ResearchError(f"{head_file}: labels {head['labels']} are not those of the task: {task.labels}")
        config = validate(MODEL_SCHEMAS[head["model"]["kind"]], head["model"], str(head_file))
        model = create(config, task)
        model.load(folder)
        return cls(model, config, task, tuple(head["thresholds"]), head["trained_on"])


def prediction_rows(task: Task, examples: Sequence[Example], probabilities: Probabilities, decided: Any) -> list[Row]:
    """Rows for scoring and output, one per span in order; probabilities are rounded to six digits."""
    spans = [(example, span) for example in examples for span in example.spans]
    return [
        Row(
            task=task.name,
            article_id=example.article.article_id,
            start=start,
            end=end,
            labels=names(given, task),
            claim_id=example.claim.claim_id if example.claim else "",
            probabilities={label: round(float(p), 6) for label, p in zip(task.labels, row, strict=True)},
        )
        for (example, (start, end)), row, given in zip(spans, probabilities.tolist(), decided, strict=True)
    ]
