"""Stance in two steps: is the article about the claim at all, and if so, what does it say of it?

Most pairs of a claim and an article are unrelated, and a cheap model tells them apart; the dear one, which reads, is
asked about the others only, in training as in use.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from research.config import Cascade
from research.models import create
from research.models.protocol import ALONE, Fitting, Probabilities
from research.records import UNRELATED, Example, ResearchError, Task

RELATED = "related"
SHARES = "shares.json"


class CascadeModel:
    """`parts` are the two models: P(unrelated) is the first one's, the probability of any other label the product of
    P(related) and what the second one says of related pairs. Pairs whose P(related) is below `config.least_related`
    are not shown to the second one: they get its label shares in training."""

    def __init__(self, config: Cascade, task: Task, seed: int = 0) -> None:
        if UNRELATED not in task.labels:
            raise ResearchError(f"model.kind: a cascade is for task stance, not for {task.name}")
        self.config, self.task = config, task
        stances = tuple(label for label in task.labels if label != UNRELATED)
        self._first = replace(task, labels=(RELATED, UNRELATED))
        self._second = replace(task, labels=stances)
        self.parts = [create(config.parts[0], self._first, seed), create(config.parts[1], self._second, seed)]
        self._shares = np.full(len(stances), 1 / len(stances))
        self.costs: dict[str, float] = {}

    def fit(self, examples: Sequence[Example], fitting: Fitting = ALONE) -> None:
        related = [example for example in examples if example.gold != ((UNRELATED,),)]
        if not related:
            raise ResearchError("a cascade learns from related pairs; train has none")
        binary = [replace(e, gold=((UNRELATED if e.gold == ((UNRELATED,),) else RELATED,),)) for e in examples]
        counts = np.array([sum(e.gold == ((label,),) for e in related) for label in self._second.labels])
        self._shares = counts / counts.sum()
        for i, (part, own) in enumerate(zip(self.parts, (binary, related), strict=True)):
            fitting.progress("fit a part", i, len(self.parts))
            state = fitting.state / f"part-{i}" if fitting.state else None
            # What is held out is judged by the whole, not by a part.
            part.fit(own, replace(fitting, held_out=(), state=state))
            self.costs |= getattr(part, "costs", {})

    def predict_proba(self, examples: Sequence[Example]) -> Probabilities:
        related = self.parts[0].predict_proba(examples)[:, 0]
        chosen = np.flatnonzero(related >= self.config.least_related)
        stances = np.tile(self._shares, (len(related), 1))
        if len(chosen):
            stances[chosen] = self.parts[1].predict_proba([examples[i] for i in chosen.tolist()])
        found = np.zeros((len(related), len(self.task.labels)))
        found[:, self.task.labels.index(UNRELATED)] = 1 - related
        for i, label in enumerate(self._second.labels):
            found[:, self.task.labels.index(label)] = related * stances[:, i]
        return found

    def save(self, folder: Path) -> None:
        for i, part in enumerate(self.parts):
            (folder / f"part-{i}").mkdir()
            part.save(folder / f"part-{i}")
        (folder / SHARES).write_text(json.dumps(self._shares.tolist()), encoding="utf-8")

    def load(self, folder: Path) -> None:
        for i, part in enumerate(self.parts):
            part.load(folder / f"part-{i}")
        self._shares = np.array(json.loads((folder / SHARES).read_text(encoding="utf-8")))
