"""Estimators: examples in, probabilities out. No MLflow, no metrics, no global paths.

Every model keeps the protocol of `protocol.py` and is listed in `MODELS` under the `kind` of its config. The entries
are strings, so that naming a model imports no library.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from research.config import Section
    from research.models.protocol import Model
    from research.records import Task

MODELS: Mapping[str, str] = {
    "majority": "research.models.majority:Majority",
    "cues": "research.models.rules:CueRules",
    "tfidf-logreg": "research.models.linear:TfidfLogreg",
    "tfidf-svm": "research.models.linear:TfidfSvm",
    "embedding-logreg": "research.models.embedding:EmbeddingLogreg",
    "transformer": "research.models.transformer:TransformerModel",
    "blend": "research.models.blend:BlendModel",
    "cascade": "research.models.cascade:CascadeModel",
    "published": "research.models.published:Published",
}


def model_class(kind: str) -> type[Model]:
    """The class behind a kind; its module is imported now."""
    module, _, name = MODELS[kind].partition(":")
    found: type[Model] = getattr(importlib.import_module(module), name)
    return found


def create(config: Section, task: Task, seed: int = 0) -> Model:
    """An untrained model of `config` for `task`."""
    return model_class(config.kind)(config, task, seed)  # type: ignore[attr-defined]
