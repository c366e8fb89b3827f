"""Named numbers, such as the cue features, as columns: one for every name seen in training, or hashed ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from research.cues import feature_group
from research.models.ngrams import bucket


class Numbers:
    """`wanted` maps a group of features (position, quotation, carry, cues) to whether it is switched on. With
    `buckets` names are hashed into so many columns, and nothing has to be kept. `families` maps the first part of a
    name to its group, where the names are not those of the cue features."""

    def __init__(self, wanted: Mapping[str, bool], buckets: int = 0, families: Mapping[str, str] | None = None) -> None:
        self._wanted, self._buckets, self._families = wanted, buckets, families
        self._column: dict[str, int | None] = {}  # None: switched off

    def fit(self, rows: Iterable[Mapping[str, float]]) -> None:
        if not self._buckets:
            names = {name for row in rows for name in row if self._on(name)}
            self._column = {name: i for i, name in enumerate(sorted(names))}

    def transform(self, rows: Iterable[Mapping[str, float]]) -> csr_matrix:
        """Shape (rows, columns). Indices are 32-bit: liblinear takes no others."""
        data: list[float] = []
        indices: list[int] = []
        pointers = [0]
        for row in rows:
            for name, value in row.items():
                column = self._find(name)
                if value and column is not None:
                    indices.append(column)
                    data.append(value)
            pointers.append(len(indices))
        found = csr_matrix(
            (np.array(data, np.float32), np.array(indices, np.int32), np.array(pointers, np.int32)),
            shape=(len(pointers) - 1, self._buckets or len(self._column)),
        )
        found.sum_duplicates()
        return found

    def save(self, stem: Path) -> None:
        if not self._buckets:
            names = json.dumps(list(self._column), ensure_ascii=False)
            stem.with_suffix(".json").write_text(names, encoding="utf-8")

    def load(self, stem: Path) -> None:
        if not self._buckets:
            names = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
            self._column = {name: i for i, name in enumerate(names)}

    def _find(self, name: str) -> int | None:
        if self._buckets and name not in self._column:
            self._column[name] = bucket(name, self._buckets) if self._on(name) else None
        return self._column.get(name)

    def _on(self, name: str) -> bool:
        group = self._families[name.partition(":")[0]] if self._families else feature_group(name.rpartition("|")[2])
        return self._wanted[group]
