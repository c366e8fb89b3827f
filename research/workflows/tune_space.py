"""What a study searches: for each key of the model's config a range or a list of values, by default or from YAML.

model.c: {low: 0.01, high: 10, log: true}
model.class_weight: [balanced, none]
model.features.min_count: {low: 1, high: 5}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo, field_validator

from research.config import RunConfig, Section, flatten, read_yaml, validate
from research.records import ResearchError


class Range(Section):
    """All numbers from low to high, both included; whole ones where the key holds whole numbers. `log` draws their
    logarithm evenly."""

    low: float
    high: float
    log: bool = False

    @field_validator("high")
    @classmethod
    def _above_low(cls, high: float, info: ValidationInfo) -> float:
        if high <= info.data.get("low", high - 1):
            raise ValueError("expected more than low")
        return high

    @field_validator("log")
    @classmethod
    def _of_positive(cls, log: bool, info: ValidationInfo) -> bool:
        if log and info.data.get("low", 1) <= 0:
            raise ValueError("expected false, or a low above 0")
        return log


Choices = tuple[Any, ...]
Space = Mapping[str, Range | Choices]

_LINEAR: Space = {
    "model.class_weight": ("balanced", "none"),
    "model.features.word_ngrams": ([1, 1], [1, 2], [1, 3]),
    "model.features.char_ngrams": ([2, 4], [2, 5], [3, 5], [3, 6]),
    "model.features.min_count": Range(low=1, high=5),
}
# kind of model -> its search space; c within a factor of ten of the kind's default
DEFAULTS: Mapping[str, Space] = {
    "tfidf-logreg": {"model.c": Range(low=0.2, high=20, log=True), **_LINEAR},
    "tfidf-svm": {"model.c": Range(low=0.01, high=1, log=True), **_LINEAR},
    "embedding-logreg": {"model.c": Range(low=0.2, high=20, log=True), "model.class_weight": ("balanced", "none")},
}
# key -> (other key, its value) with which the key has no effect
_IDLE = {
    "model.features.word_ngrams": ("model.features.words", False),
    "model.features.char_ngrams": ("model.features.characters", False),
}


def default_space(config: RunConfig) -> Space:
    """The space of the config's kind of model, less the keys that have no effect in this config."""
    kind = config.model.kind
    if kind not in DEFAULTS:
        raise ResearchError(f"model '{kind}' has no search space of its own; give one with --space FILE.yaml")
    keys = _keys(config)
    idle = {key for key, (other, value) in _IDLE.items() if keys.get(other) == value}
    if keys.get("model.features.buckets"):
        idle.add("model.features.min_count")
    return {key: values for key, values in DEFAULTS[kind].items() if key not in idle}


def read_space(path: Path, config: RunConfig) -> Space:
    """The space in a YAML file. ResearchError has a line for each key that the model does not know, and for each
    value that it does not allow."""
    space: dict[str, Range | Choices] = {}
    problems: list[str] = []
    for key, values in read_yaml(path).items():
        try:
            space[str(key)] = _checked(str(key), values, config, str(path))
        except ResearchError as e:
            problems += str(e).splitlines()
    if problems or not space:
        raise ResearchError("\n".join(problems) or f"{path}: no key to search")
    return space


def suggest(trial: Any, space: Space, config: RunConfig) -> dict[str, Any]:
    """What an Optuna trial draws for every key of the space; numbers have four digits, so that a recipe can be read."""
    keys = _keys(config)
    return {key: _draw(trial, key, values, whole=isinstance(keys[key], int)) for key, values in space.items()}


def given(space: Space, config: RunConfig) -> dict[str, Any]:
    """What the config itself has for every key of the space."""
    return {key: value for key, value in _keys(config).items() if key in space}


def with_values(config: RunConfig, values: Mapping[str, Any], origin: str) -> RunConfig:
    """`config` with other values for some keys. ResearchError, in the words of the config, when it allows them not."""
    changed = config.model_dump(mode="json")
    for key, value in values.items():
        *parents, last = key.split(".")
        section = changed
        for parent in parents:
            section = section[parent]
        section[last] = value
    return validate(RunConfig, changed, origin)


def _checked(key: str, values: Any, config: RunConfig, origin: str) -> Range | Choices:
    known = _keys(config)
    if key not in known:
        raise ResearchError(f"{origin}: {key}: unknown key; known: {', '.join(known)}")
    if isinstance(values, list):
        if len({json.dumps(value, default=str) for value in values}) < max(2, len(values)):
            raise ResearchError(f"{origin}: {key}: expected two or more different values")
        found: Range | Choices = tuple(values)
        bounds = values
    elif isinstance(values, Mapping):
        found = validate(Range, values, f"{origin}: {key}")
        kind = type(known[key])
        if kind not in (int, float):
            raise ResearchError(f"{origin}: {key}: is no number; expected a list of values")
        if any(kind(bound) != bound for bound in (found.low, found.high)):
            raise ResearchError(f"{origin}: {key}: expected whole numbers for low and high")
        bounds = [kind(found.low), kind(found.high)]
    else:
        raise ResearchError(f"{origin}: {key}: expected a list of values, or low and high (found {values!r})")
    for value in bounds:
        with_values(config, {key: value}, origin)
    return found


def _keys(config: RunConfig) -> dict[str, Any]:
    """The keys of the model and their values."""
    flat = flatten({"model": config.model.model_dump(mode="json")})
    return {key: value for key, value in flat.items() if key != "model.kind"}


def _draw(trial: Any, key: str, values: Range | Choices, *, whole: bool) -> Any:
    if not isinstance(values, Range):
        shown = {json.dumps(value): value for value in values}  # Optuna stores texts and numbers, no lists
        return shown[trial.suggest_categorical(key, list(shown))]
    if whole:
        return trial.suggest_int(key, int(values.low), int(values.high), log=values.log)
    return float(f"{trial.suggest_float(key, values.low, values.high, log=values.log):.4g}")
