"""Several models as one: their margins are averaged, since they err in different places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import expit, logit, softmax

from research.config import Blend
from research.models import create
from research.models.protocol import ALONE, Fitting, Model, Probabilities
from research.records import Example, Task

EDGE = 1e-6  # what one part is certain of the others may still outvote


class BlendModel:
    """Each part is fitted by itself on the same examples. Multi-label: the mean of the logits of each label;
    single-label: a softmax over the mean of the log probabilities (both a logarithmic opinion pool: Genest & Zidek
    1986, Statistical Science 1)."""

    def __init__(self, config: Blend, task: Task, seed: int = 0) -> None:
        self.config, self.task = config, task
        self.parts: list[Model] = [create(part, task, seed) for part in config.parts]
        self.costs: dict[str, float] = {}

    def fit(self, examples: Sequence[Example], fitting: Fitting = ALONE) -> None:
        for i, part in enumerate(self.parts):
            fitting.progress("fit a part", i, len(self.parts))
            state = fitting.state / f"part-{i}" if fitting.state else None
            part.fit(examples, replace(fitting, state=state))
            self.costs |= getattr(part, "costs", {})

    def predict_proba(self, examples: Sequence[Example]) -> Probabilities:
        weights = np.array(self.config.weights or (1.0,) * len(self.parts))
        found = [np.clip(part.predict_proba(examples), EDGE, 1 - EDGE) for part in self.parts]
        margins = [logit(p) if self.task.multi_label else np.log(p) for p in found]
        mean = np.average(margins, axis=0, weights=weights)
        return np.asarray(expit(mean) if self.task.multi_label else softmax(mean, axis=1))

    def save(self, folder: Path) -> None:
        for i, part in enumerate(self.parts):
            own = folder / f"part-{i}"
            own.mkdir()
            part.save(own)

    def load(self, folder: Path) -> None:
        for i, part in enumerate(self.parts):
            part.load(folder / f"part-{i}")
