"""What turns a row's pooled vector, and its context numbers, into a margin per label: applied with numpy alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix

HEAD = "head.safetensors"
HIDDEN = 64  # units between the context numbers and the head: enough for what goes together with what

Arrays = Mapping[str, NDArray[np.float32]]


class Head:
    """`arrays` are a network's weights but for the encoder: head.weight (labels, 2H), head.bias (labels,) and, with
    context numbers, numbers.weight (HIDDEN, C) and numbers.bias (HIDDEN,), head.weight being HIDDEN columns wider."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    def margins(self, pooled: NDArray[np.float32], numbers: csr_matrix | None) -> NDArray[np.float64]:
        """Shape (rows, labels) from pooled vectors (rows, 2H) and numbers (rows, C)."""
        if numbers is not None:
            hidden = numbers @ self._arrays["numbers.weight"].T + self._arrays["numbers.bias"]
            pooled = np.concatenate([pooled, np.maximum(hidden, 0)], axis=1)
        found = pooled @ self._arrays["head.weight"].T + self._arrays["head.bias"]
        return np.asarray(found, np.float64)

    def save(self, folder: Path) -> None:
        save_file(dict(self._arrays), folder / HEAD)

    @classmethod
    def load(cls, folder: Path) -> Head:
        return cls(load_file(folder / HEAD))
