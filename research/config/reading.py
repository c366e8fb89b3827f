"""From YAML files, flags and `--set key=value` to a complete config.

Precedence: built-in defaults < YAML file < command line flags < `--set key=value`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from research.config.models import MODEL_SCHEMAS
from research.config.problems import validate
from research.config.runs import DATASET_SCHEMAS, RunConfig
from research.records import ResearchError


def read_text(path: Path) -> str:
    """The text of a UTF-8 file. ResearchError names the file that is not there, or the byte that is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ResearchError(f"{path}: no such file") from None
    except UnicodeDecodeError as e:
        raise ResearchError(f"{path}: not UTF-8 (byte 0x{e.object[e.start]:02x} at offset {e.start})") from None
    except OSError as e:
        raise ResearchError(f"{path}: {e.strerror}") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; ResearchError names the line of a syntax error."""
    try:
        found = yaml.safe_load(read_text(path))
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(e, "problem", None) or " ".join(str(e).split())
        raise ResearchError(f"{path}{where}: not YAML: {problem}") from None
    if not isinstance(found, dict):
        what = {list: "a list", type(None): "nothing"}.get(type(found), repr(found))
        raise ResearchError(f"{path}: expected keys and values, found {what}")
    return found


def recipes(folder: str) -> dict[str, Path]:
    """The recipes of ./configs/<folder>, by name; empty where there is no such folder."""
    return {p.stem: p for p in sorted(Path("configs", folder).glob("*.yaml"))}


def named_section(folder: str, what: str, name: str, kinds: Iterable[str]) -> dict[str, Any]:
    """The keys behind a name given on the command line: a YAML file, a recipe of ./configs, or a kind by itself."""
    if name.endswith((".yaml", ".yml")):
        return read_yaml(Path(name))
    known = recipes(folder)
    if name in known:
        return read_yaml(known[name])
    if name in kinds:
        return {"kind": name}
    raise ResearchError(f"unknown {what} '{name}'; known: {', '.join(sorted({*known, *kinds}))}")


def dataset_section(name: str) -> dict[str, Any]:
    """As `named_section`; besides, a .jsonl file is a dataset of its own, `a+b` mixes several, and what stands behind
    `++` is only learned from."""
    if "++" in name and not Path(name).exists():
        first, *extra = name.split("++")
        parts = first.split("+")
        return {
            "kind": "mix",
            "parts": [dataset_section(part) for part in parts],
            "extra": [dataset_section(part) for part in extra],
        }
    if "+" in name and not Path(name).exists():
        return {"kind": "mix", "parts": [dataset_section(part) for part in name.split("+")]}
    if name.endswith(".jsonl"):
        return {"kind": "jsonl", "path": name}
    return named_section("datasets", "dataset", name, set(DATASET_SCHEMAS) - {"jsonl", "mix"})


def set_key(config: dict[str, Any], assignment: str, origin: str = "") -> None:
    """Apply one `a.b=value` in place; the value is read as YAML. `origin` is what the user wrote."""
    origin = origin or f"--set {assignment}"
    key, equals, value = assignment.partition("=")
    if not equals or not all(key.split(".")):
        raise ResearchError(f"{origin}: expected key=value, such as model.c=2")
    *parents, last = key.split(".")
    at = config
    for parent in parents:
        at = at.setdefault(parent, {})
        if not isinstance(at, dict):
            raise ResearchError(f"{origin}: '{parent}' holds a value, not a group of keys")
    try:
        at[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ResearchError(f"{origin}: the value is not YAML") from None


def run_config(
    *,
    file: Path | None = None,
    task: str | None = None,
    model: str | None = None,
    dataset: str | None = None,
    seed: int | None = None,
    folds: int | None = None,
    drop_leaks: bool | None = None,
    assignments: Iterable[str] = (),
) -> RunConfig:
    """The complete config of a run. None leaves a key to the file or to its default."""
    config = read_yaml(file) if file else {}
    if task is not None:
        config["task"] = task
    if model is not None:
        config["model"] = named_section("models", "model", model, MODEL_SCHEMAS)
    if dataset is not None:
        config["dataset"] = dataset_section(dataset)
    for key, value in (("seed", seed), ("folds", folds), ("drop_leaks", drop_leaks)):
        if value is not None:
            set_key(config, f"train.{key}={value}", f"--{key.replace('_', '-')} {value}")
    for section, default in (("model", "tfidf-svm"), ("dataset", "shipped")):
        if section not in config:
            config[section] = {"kind": default}
    for assignment in assignments:
        set_key(config, assignment)
    return validate(RunConfig, config, str(file) if file else "config")


def dataset_config(name: str) -> Any:
    """The validated config of a dataset named on the command line."""
    return validate(RunConfig, {"dataset": dataset_section(name)}, "dataset").dataset


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots, as MLflow parameters are named; lists keep their index out and stand as text."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
