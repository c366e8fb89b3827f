"""A trained classifier on disk: a folder of JSON and safetensors, nothing that can run code when it is loaded.

checkpoint.json   format, task, labels, model config, calibration, thresholds, errors, what it was trained on
                  (written last)
...               what the model itself saves
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from research.config import ModelConfig, Section, validate
from research.models import create
from research.models.calibration import Calibration, calibrated
from research.models.decision import confidence, decide, names
from research.models.protocol import Model, Probabilities
from research.records import TASKS, Example, ResearchError, Row, Task

FORMAT = 1
HEAD = "checkpoint.json"


class Errors(Section):
    """How wrong the model was on articles it had not seen, from its out-of-fold rows: numbers only, and no article can
    be told from them.

    risk: (confidence, coverage, error), sure to unsure: of the rows at least so sure, their share of all rows, and the
    share of them whose labels are wrong; made by `scoring.risk_table`. sums: a line per article, sorted; made by
    `scoring.error_sums`.
    """

    risk: tuple[tuple[float, float, float], ...]
    sums: tuple[tuple[int | float, ...], ...]


class Export(Section):
    """What became of the encoder, and what that changed against PyTorch in 32 bits.

    rounding: "none", or how the weights came into 8 bits (`encoder.onnx.Rounding`). difference: the most by which a
    probability differs, before calibration. Of n rows that the model has not seen: the share that was given the same
    labels, and the macro-F1 before and after.
    """

    format: Literal["onnx", "onnx-int8"]
    opset: int
    rounding: str
    difference: float
    label_agreement: float
    macro_f1_before: float
    macro_f1_after: float
    n: int


class Head(Section):
    """What checkpoint.json holds. `files` are the sizes of the others, to tell which one is cut short. `calibration`
    and `errors` are missing in older ones, and where there were no out-of-fold rows; `export` where it was none."""

    format: int
    task: str
    labels: tuple[str, ...]
    model: ModelConfig
    thresholds: tuple[float, ...]
    trained_on: dict[str, Any]
    calibration: Calibration | None = None
    errors: Errors | None = None
    export: Export | None = None
    files: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """A fitted model with its calibration, its decision thresholds and where it comes from. `trained_on` holds the
    dataset name and revision, and the sha256 of every training text, so that nobody scores it on articles it has seen.
    Of rows less sure than `least_confidence`, which is not saved, it does not judge: their labels are None."""

    model: Model
    config: Section
    task: Task
    thresholds: tuple[float, ...]
    trained_on: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None
    errors: Errors | None = None
    least_confidence: float = 0.0
    export: Export | None = None

    def predict(self, examples: Sequence[Example]) -> list[Row]:
        """One row per span, in order."""
        probabilities = calibrated(self.calibration, self.model.predict_proba(examples))
        decided = decide(probabilities, self.thresholds, self.task)
        rows = prediction_rows(self.task, examples, probabilities, decided)
        if not self.least_confidence:
            return rows
        sure = confidence(probabilities, decided, self.task) >= self.least_confidence
        return [row if judged else replace(row, labels=None) for row, judged in zip(rows, sure, strict=True)]

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
            "calibration": self.calibration and self.calibration.model_dump(mode="json"),
            "errors": self.errors and self.errors.model_dump(mode="json"),
            "export": self.export and self.export.model_dump(mode="json"),
            "files": {name: (folder / name).stat().st_size for name in _files(folder) if name != HEAD},
        }
        # A line per key: the lists are long, and nobody reads them number by number.
        lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items())
        (folder / HEAD).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Checkpoint:
        """What `save` wrote. ResearchError names the file that is missing, damaged or of another version."""
        head = _read_head(folder)
        for name, size in head.files.items():
            if not (folder / name).is_file():
                raise ResearchError(f"{folder / name}: no such file; the model is not whole")
            if (found := (folder / name).stat().st_size) != size:
                raise ResearchError(f"{folder / name}: {found} bytes, expected {size}; the file is damaged")
        task = TASKS[head.task]
        model = create(head.model, task)
        try:
            model.load(folder)
        except Exception as e:  # damaged JSON and safetensors each raise their own
            reason = " ".join(str(e).split())
            raise ResearchError(f"{folder}: cannot be read as a model '{head.model.kind}': {reason}") from None
        trained = (head.thresholds, head.trained_on, head.calibration, head.errors)
        return cls(model, head.model, task, *trained, export=head.export)


def _files(folder: Path) -> list[str]:
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder was written by `save`."""
    return (folder / HEAD).is_file()


def _read_head(folder: Path) -> Head:
    file = folder / HEAD
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResearchError(f"{folder}: not a model folder ({HEAD} is missing)") from None
    except OSError as e:
        raise ResearchError(f"{file}: {e.strerror}") from None
    except ValueError as e:
        raise ResearchError(f"{file}: not JSON: {e}") from None
    if not isinstance(values, dict):
        raise ResearchError(f"{file}: expected an object, found a {type(values).__name__}")
    if values.get("format") != FORMAT:
        raise ResearchError(f"{file}: format {values.get('format')!r}; this version reads {FORMAT}")
    head = validate(Head, values, str(file))
    if head.task not in TASKS:
        raise ResearchError(f"{file}: unknown task '{head.task}'; known: {', '.join(TASKS)}")
    labels = TASKS[head.task].labels
    if head.labels != labels:
        raise ResearchError(f"{file}: labels {', '.join(head.labels)} are not those of the task: {', '.join(labels)}")
    if len(head.thresholds) != len(labels):
        raise ResearchError(f"{file}: {len(head.thresholds)} thresholds for {len(labels)} labels")
    if head.calibration and head.calibration.labels not in (None, len(labels)):
        raise ResearchError(f"{file}: calibration: not one map for each of {len(labels)} labels")
    if head.errors and {len(line) for line in head.errors.sums} != {1 + 6 * len(labels)}:
        raise ResearchError(f"{file}: errors.sums: expected {1 + 6 * len(labels)} numbers in each line")
    return head


def prediction_rows(task: Task, examples: Sequence[Example], probabilities: Probabilities, decided: Any) -> list[Row]:
    """Rows for scoring and output, one per span in order; probabilities are rounded to six digits."""
    spans = [(example, span) for example in examples for span in example.places]
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
