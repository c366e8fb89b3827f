"""Scores of parts of the rows: by corpus, outlet, register, or any other field of the gold."""

from __future__ import annotations

import numpy as np

from research.records import LENGTHS, POSITIONS, ResearchError, Score
from research.scoring.intervals import score
from research.scoring.rows import Judged

NONE = "(none)"
ORDER = (*POSITIONS, *LENGTHS)  # values that follow each other otherwise than by the alphabet


def score_by(
    judged: Judged, field: str, draws: int = 2000, confidence: float = 0.95, seed: int = 0
) -> dict[str, list[Score]]:
    """`score` for each value of `field`, in the order of the values; rows without it are under "(none)". Besides what
    the articles carry there are `position`, `quoted` and `length` (`records.slices`).

    A label without gold in a slice has F1 0 there and pulls its macro_f1 down: `<label>/prevalence` tells. Raises
    ResearchError, naming the known fields, when no row has this one.
    """
    known = {name for fields in judged.fields for name in fields}
    if field not in known:
        raise ResearchError(f"no row has the field '{field}': known are {', '.join(sorted(known)) or 'none'}")
    values = np.array([fields.get(field, NONE) for fields in judged.fields])
    found = sorted(map(str, np.unique(values)), key=lambda value: (ORDER.index(value) if value in ORDER else -1, value))
    parts = {value: judged.select(values == value) for value in found}
    return {value: score(part, draws, confidence, seed) for value, part in parts.items()}
