"""Several models as one: their margins are averaged, since they err in different places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from scipy.special import expit, logit, softmax

from research.config import Blend
from research.models import create
from research.models.calibration import Calibration, calibrated
from research.models.protocol import ALONE, Fitting, Model, Probabilities
from research.records import Example, Task

EDGE = 1e-6  # what one part is certain of the others may still outvote
CALIBRATION = "calibration.json"
READER: TypeAdapter[Calibration] = TypeAdapter(Calibration)


class BlendModel:
    """Each part is fitted by itself on the same examples, one that is named again with the next seed. Multi-label: the
    mean of the logits of each label; single-label: a softmax over the mean of the log probabilities (both a logarithmic
    opinion pool: Genest & Zidek 1986, Statistical Science 1).

    `of` makes one from parts that are fitted already, each with its calibration.
    """

    def __init__(self, config: Blend, task: Task, seed: int = 0) -> None:
        self.config, self.task = config, task
        # The same model twice is worth something with another seed only.
        again = [config.parts[:i].count(part) for i, part in enumerate(config.parts)]
        self.parts: list[Model] = [create(part, task, seed + n) for part, n in zip(config.parts, again, strict=True)]
        self.calibrations: list[Calibration | None] = [None] * len(self.parts)
        self.costs: dict[str, float] = {}

    @classmethod
    def of(
        cls, config: Blend, task: Task, parts: Sequence[Model], calibrations: Sequence[Calibration | None]
    ) -> BlendModel:
        blend = cls(config, task)
        blend.parts, blend.calibrations = list(parts), list(calibrations)
        return blend

    def fit(self, examples: Sequence[Example], fitting: Fitting = ALONE) -> None:
        for i, part in enumerate(self.parts):
            fitting.progress("fit a part", i, len(self.parts))
            state = fitting.state / f"part-{i}" if fitting.state else None
            part.fit(examples, replace(fitting, state=state))
            self.costs |= getattr(part, "costs", {})

    def predict_proba(self, examples: Sequence[Example]) -> Probabilities:
        pairs = zip(self.calibrations, self.parts, strict=True)
        return self.pool([calibrated(calibration, part.predict_proba(examples)) for calibration, part in pairs])

    def pool(self, probabilities: Sequence[Probabilities]) -> Probabilities:
        """What the parts' probabilities, (rows, labels) each, are together."""
        weights = np.array(self.config.weights or (1.0,) * len(self.parts))
        clipped = [np.clip(p, EDGE, 1 - EDGE) for p in probabilities]
        mean = np.average([logit(p) if self.task.multi_label else np.log(p) for p in clipped], axis=0, weights=weights)
        return np.asarray(expit(mean) if self.task.multi_label else softmax(mean, axis=1))

    def save(self, folder: Path) -> None:
        for i, (part, calibration) in enumerate(zip(self.parts, self.calibrations, strict=True)):
            own = folder / f"part-{i}"
            own.mkdir()
            part.save(own)
            if calibration:
                (own / CALIBRATION).write_text(calibration.model_dump_json(), encoding="utf-8")

    def load(self, folder: Path) -> None:
        for i, part in enumerate(self.parts):
            own = folder / f"part-{i}"
            part.load(own)
            kept = own / CALIBRATION
            self.calibrations[i] = READER.validate_json(kept.read_bytes()) if kept.is_file() else None
